/**
 * A fake of the used part of Yandex SpeechKit v3, with its limits, by its protos. It uses fake speech. Source: yandex.cloud/docs/speechkit,
 * and github.com/yandex-cloud/cloudapi, yandex/cloud/ai/stt/v3 and tts/v3.
 */
import type { Metadata, ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { decode, encode, rateHz } from '../../../media/audio/g711.ts';
import { samplesOf } from '../../../media/audio/pcm.ts';
import { createFakeEar, fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import type { Word } from '../../asr/port.ts';
import { loadService } from './client.ts';

export const yandexKey = 'key-of-speechkit';
const sessionLimit = { ms: 300_000, bytes: 10_000_000 };
const [mostChars, mostSpeechMs] = [250, 24_000];
const [invalid, unauthenticated] = [3, 16];

export interface YandexFake {
  readonly url: string;
  /** Sessions so far, each with its seconds of received audio. */
  readonly sessions: readonly { seconds: number }[];
  readonly requests: readonly { readonly text: string; readonly voice: string; readonly role: string | undefined }[];
  stall(): void;
  recover(): void;
  /** Ends open sessions. */
  cut(): void;
  close(): Promise<void>;
}
export interface YandexFakeOptions {
  readonly port?: number | undefined;
  /** The clock for the age of sessions, ms. */
  readonly now?: () => number;
  /** Refinements end with a dot. */
  readonly punctuates?: boolean;
}
interface Request {
  readonly session_options?: {
    readonly recognition_model?: { readonly audio_format?: { readonly raw_audio?: { readonly sample_rate_hertz?: number } } };
  };
  readonly chunk?: { readonly data: Buffer };
  readonly eou?: object;
}
interface Utterance {
  readonly text: string;
  readonly hints: readonly { readonly voice?: string; readonly role?: string }[];
}

export async function yandexFake({ now = Date.now, port = 0, punctuates = false }: YandexFakeOptions = {}): Promise<YandexFake> {
  const { grpc, Service: stt } = await loadService('stt');
  const { Service: tts } = await loadService('tts');
  const server = new grpc.Server();
  const sessions: { seconds: number }[] = [];
  const requests: { text: string; voice: string; role: string | undefined }[] = [];
  const open = new Set<ServerDuplexStream<Request, object>>();
  let isStalled = false;
  const refuse = (call: { emit(event: string, error: object): boolean }, code: number, details: string): void =>
    void call.emit('error', { code, details });
  const isKnown = (metadata: Metadata): boolean => metadata.get('authorization')[0] === `Api-Key ${yandexKey}`;

  function recognize(call: ServerDuplexStream<Request, object>): void {
    if (!isKnown(call.metadata)) {
      refuse(call, unauthenticated, 'Unknown api key');
      return;
    }
    const ear = createFakeEar();
    const began = now();
    const session = { seconds: 0 };
    let [bytes, index, words, hasOptions] = [0, 0, [] as Word[], false];
    sessions.push(session);
    open.add(call);
    const send = (event: object): void => {
      if (!isStalled) call.write({ audio_cursors: { received_data_ms: ear.atMs, final_index: index }, ...event });
    };
    const finish = (): void => {
      words.push(...ear.end());
      if (words.length === 0) return;
      send({ final: alternativesOf(words) });
      send({ final_refinement: { final_index: index, normalized_text: alternativesOf(words, punctuates ? '.' : '') } });
      index += 1;
      words = [];
    };
    call.on('data', ({ session_options: options, chunk, eou }: Request) => {
      if (options !== undefined) {
        hasOptions = options.recognition_model?.audio_format?.raw_audio?.sample_rate_hertz === rateHz;
        send({ status_code: { code_type: 'WORKING' } });
        return;
      }
      if (!hasOptions) {
        refuse(call, invalid, 'the first message must have session_options');
        return;
      }
      bytes += chunk?.data.length ?? 0;
      session.seconds = bytes / 2 / rateHz;
      if (now() - began > sessionLimit.ms || bytes > sessionLimit.bytes) {
        refuse(call, invalid, 'the limit of a session is exceeded');
        return;
      }
      if (chunk !== undefined) {
        const heard = ear.push(encode('PCMU', samplesOf(chunk.data)));
        words.push(...heard);
        send(heard.length > 0 ? { partial: alternativesOf(words) } : { status_code: { code_type: 'WORKING' } });
      }
      if (eou !== undefined) {
        finish();
        send({ eou_update: { time_ms: ear.atMs } });
      }
    });
    call.on('end', () => {
      finish();
      if (!isStalled) call.end();
    });
    call.on('error', () => {}); // The client has left.
    call.on('close', () => open.delete(call));
  }
  function synthesize(call: ServerWritableStream<Utterance, object>): void {
    if (!isKnown(call.metadata)) {
      refuse(call, unauthenticated, 'Unknown api key');
      return;
    }
    const { text, hints } = call.request;
    const speech = decode('PCMU', fakeSpeechOf(text));
    if (text.length > mostChars || speech.length / 8 > mostSpeechMs) {
      refuse(call, invalid, 'Too long text');
      return;
    }
    requests.push({
      text,
      voice: hints.find(({ voice }) => voice !== undefined)?.voice ?? '',
      role: hints.find(({ role }) => role !== undefined)?.role,
    });
    const data = Buffer.from(speech.buffer);
    const words = fakeHeard(fakeSpeechOf(text));
    // Pieces of odd length, which may split a sample.
    for (let at = 0; at < data.length && !isStalled; at += 3_201) {
      const [fromMs, toMs] = [at / 2 / 8, (at + 3_201) / 2 / 8];
      const timed = words.filter(({ startMs }) => startMs >= fromMs && startMs < toMs);
      call.write({
        audio_chunk: { data: data.subarray(at, at + 3_201) },
        start_ms: Math.floor(fromMs),
        length_ms: 200,
        word_timings: timed.map(({ text: word, startMs, endMs }) => ({ word, start_ms: startMs, length_ms: endMs - startMs })),
      });
    }
    if (!isStalled) call.end();
  }
  server.addService(stt.service, { RecognizeStreaming: recognize });
  server.addService(tts.service, { UtteranceSynthesis: synthesize });
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    ),
  );
  return {
    url: `http://127.0.0.1:${bound}`,
    sessions,
    requests,
    stall() {
      isStalled = true;
    },
    recover() {
      isStalled = false;
    },
    cut() {
      for (const call of open) call.emit('error', { code: 14, details: 'the connection was reset' });
    },
    async close() {
      server.forceShutdown();
    },
  };
}

function alternativesOf(words: readonly Word[], end = '') {
  return {
    alternatives: [
      {
        text: `${words.map(({ text }) => text).join(' ')}${end}`,
        words: words.map(({ text, startMs, endMs }) => ({ text, start_time_ms: startMs, end_time_ms: endMs })),
        start_time_ms: words[0]?.startMs ?? 0,
        end_time_ms: words.at(-1)?.endMs ?? 0,
        confidence: 0.9,
      },
    ],
  };
}
