/**
 * The Russian voices of API v1 of Yandex SpeechKit: one HTTPS request per text, streamed during synthesis, for networks without gRPC.
 * Source: yandex.cloud/docs/speechkit, Speech synthesis, API v1 method description.
 */
import type { z } from 'zod';
import { encode, rateHz } from '../../../media/audio/g711.ts';
import { createSampleReader } from '../../../media/audio/pcm.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { listedVoices } from '../../tts/listed.ts';
import { partsOf } from '../../tts/parts.ts';
import type { Tts, TtsProvider } from '../../tts/port.ts';
import { joined, spokenWhole, withoutHead } from '../../tts/streamed.ts';
import { authorizationOf, isToken } from './client.ts';
import type { yandexTtsSettings } from './settings.ts';
import { yandexVoices } from './voices.ts';

/** A request is limited to 5,000 characters and 15 KB of form encoding, in which a Cyrillic letter takes 6 bytes. */
const mostChars = 2_000;
const speakMs = 60_000;
/** Eight minutes. */
const maxBytes = 8_000_000;

export function yandexV1Voice(settings: z.output<typeof yandexTtsSettings>, { httpStream }: Pick<Deps, 'httpStream'>): TtsProvider {
  const { YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_FOLDER_ID: folder } = settings;
  const voices = listedVoices(yandexVoices.filter(({ language }) => language === 'ru-RU'));

  async function* request(text: string, named: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const [voice = '', emotion] = named.split('+');
    const answer = await httpStream({
      method: 'POST',
      url: `${settings.YANDEX_SPEECHKIT_TTS_URL}/speech/v1/tts:synthesize`,
      operation: 'speak',
      headers: { Authorization: authorizationOf(key), 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        ...{ text, lang: 'ru-RU', voice, format: 'lpcm', sampleRateHertz: String(rateHz) },
        ...(emotion !== undefined && { emotion }),
        ...(folder !== undefined && isToken(key) && { folderId: folder }),
      }).toString(),
      signal,
      timeoutMs: speakMs,
      maxBytes,
    });
    if (!('chunks' in answer)) throw httpFailure(answer, 'The synthesis of speech by Yandex SpeechKit');
    const samplesOf = createSampleReader();
    for await (const chunk of answer.chunks) {
      const samples = samplesOf(chunk);
      if (samples.length > 0) yield encode('PCMU', samples);
    }
  }
  const stream: NonNullable<Tts['stream']> = async function* ({ text, language, voice }, signal) {
    const named = voice ?? (await voices(language, signal))[0]?.voice ?? '';
    yield* withoutHead(joined(partsOf(text, mostChars), (part) => request(part, named, signal)));
  };
  return { provider: 'yandex-v1', voices, stream, speak: spokenWhole(stream) };
}
