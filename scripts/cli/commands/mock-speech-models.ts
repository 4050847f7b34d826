/** Speech models of `polyb mock`: a receptionist with a built-in ear and the built-in voice behind the events of a provider. */
import { randomBytes } from 'node:crypto';
import { phrasesEar } from '../../../adapters/asr/phrases/phrases.ts';
import { russianAcousticEar, russianAcousticSettings } from '../../../adapters/asr/russian-acoustic/russian-acoustic.ts';
import { type FakeRealtime, type FakeRealtimeOptions, fakeRealtime, type Json } from '../../../adapters/realtime/realtime.fake.ts';
import { receptionist } from '../../../adapters/realtime/receptionist.fake.ts';
import { espeak, espeakSettings } from '../../../adapters/tts/espeak.ts';
import { inWords } from '../../../adapters/tts/in-words.ts';
import { ringOrders } from '../../../adapters/vendors/openai/ring.fake.ts';
import { decode } from '../../../media/audio/g711.ts';
import { onPath } from '../../infra/find-program.ts';

export interface SpeechModelOptions {
  readonly port: number | undefined;
  readonly gatewayPort: string;
  /** Shows a line of what happens at the fake. */
  readonly note: (line: string) => void;
}
export interface SpeechModelFake {
  readonly url: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly hints: readonly string[];
  close(): Promise<void>;
}
const language = 'ru-RU';
/** Time limit for the words of a turn and for the voice. */
const soundMs = 30_000;
/** The same after each start, so that the system needs no restart. */
const apiKey = 'sk-mock';
const route = '100=realtime';
const usage = [
  'polyb say "Запишите меня на стрижку" -o one.wav, then: polyb talk --speech-model --audio one.wav    speech to speech, without a phone',
  'what the system sends, except audio, is shown here: session.update, conversation.item.truncate and so on',
];

export async function fakeOpenAiModel({ port, gatewayPort, note }: SpeechModelOptions): Promise<SpeechModelFake> {
  const webhookSecret = `whsec_${randomBytes(24).toString('base64')}`;
  const orders = ringOrders({
    webhookUrl: `http://127.0.0.1:${gatewayPort}/api/v1/calls/speech/webhook`,
    webhookSecret,
    server: () => running.server,
  });
  const running = await start({ port, note, apiKey, orders });
  const { url } = running.server.http;
  return {
    ...{ url, close: running.close },
    settings: {
      ...{ REALTIME_KIND: 'openai', OPENAI_API_KEY: apiKey, OPENAI_REALTIME_URL: running.server.url },
      ...{ OPENAI_WEBHOOK_SECRET: webhookSecret, CALL_ATTENDANT: 'realtime', CALL_ROUTES: route },
    },
    hints: [
      ...usage,
      `curl ${url}/ring -d '{"from":"PHONE","to":"100","times":2}'    a call over SIP waits at the provider, and is announced twice`,
      `curl ${url}/say -d '{"text":"Запишите меня на стрижку"}'    its caller speaks`,
      `curl -X POST ${url}/hangup    its caller hangs up`,
    ],
  };
}
export async function fakeYandexModel({ port, note }: SpeechModelOptions): Promise<SpeechModelFake> {
  const { server, close } = await start({ port, note, apiKey, scheme: 'Api-Key' });
  return {
    ...{ url: server.http.url, close },
    settings: {
      ...{ REALTIME_KIND: 'yandex', YANDEX_API_KEY: apiKey, YANDEX_FOLDER_ID: 'b1gmock', YANDEX_REALTIME_URL: server.url },
      ...{ CALL_ATTENDANT: 'realtime', CALL_ROUTES: route },
    },
    hints: usage,
  };
}

async function start({
  note,
  ...options
}: Pick<FakeRealtimeOptions, 'port' | 'apiKey' | 'scheme' | 'orders'> & Pick<SpeechModelOptions, 'note'>): Promise<{
  readonly server: FakeRealtime;
  close(): Promise<void>;
}> {
  const voiceSettings = espeakSettings.parse({});
  const voice = inWords(espeak(voiceSettings));
  const ear = onPath('pocketsphinx_batch') === null ? phrasesEar(voiceSettings) : russianAcousticEar(russianAcousticSettings.parse({}));
  const server = await fakeRealtime({
    ...options,
    playsInCalls: true,
    answers: receptionist,
    async words(pcmu) {
      const finals = await ear.recognize(pcmu, { language, hints: [] }, AbortSignal.timeout(soundMs));
      const text = finals.map((final) => final.text).join(' ');
      note(`heard: ${text === '' ? '(nothing)' : text}`);
      return text;
    },
    async sound({ says = '' }) {
      note(`says: ${says}`);
      return decode('PCMU', await voice.speak({ text: says, language, voice: 'ru+f3' }, AbortSignal.timeout(soundMs)));
    },
    onEvent: (event) => note(`← ${shown(event)}`),
    onReply: (status, { method, path }) => note(`← ${method} /${path} ${status}`),
  });
  return {
    server,
    async close() {
      await server.close();
      await ear.close?.();
    },
  };
}
const longestShown = 240;
/** `conversation.item.truncate {"item_id":"item_7","audio_end_ms":1840}` */
function shown({ type, session, ...fields }: Json): string {
  // Instructions and tools would hide everything else.
  const brief = session === undefined ? fields : { ...fields, session: '…' };
  return `${String(type)} ${Object.keys(brief).length === 0 ? '' : JSON.stringify(brief)}`.trim().slice(0, longestShown);
}
