/** The voices of Deepgram, Aura 2, streamed during synthesis. Source: developers.deepgram.com, API reference, Speak v1. */
import type { z } from 'zod';
import { rateHz } from '../../../media/audio/g711.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { listedVoices } from '../../tts/listed.ts';
import { partsOf } from '../../tts/parts.ts';
import type { Tts, TtsProvider } from '../../tts/port.ts';
import { joined, spokenWhole, withoutHead } from '../../tts/streamed.ts';
import type { deepgramTtsSettings } from './settings.ts';
import { auraVoices } from './voices.ts';

/** Maximum characters of a request. */
const mostChars = 2_000;
const speakMs = 60_000;
/** Four minutes, twice the speech of the longest request. */
const maxBytes = 2_000_000;

export function deepgramVoice(settings: z.output<typeof deepgramTtsSettings>, { httpStream }: Pick<Deps, 'httpStream'>): TtsProvider {
  const { DEEPGRAM_API_KEY: key, DEEPGRAM_BASE_URL: baseUrl } = settings;
  async function* request(text: string, voice: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const query = new URLSearchParams({ model: voice, encoding: 'mulaw', sample_rate: String(rateHz), container: 'none' });
    const answer = await httpStream({
      method: 'POST',
      url: `${baseUrl}/v1/speak?${query}`,
      operation: 'speak',
      headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ text }),
      signal,
      timeoutMs: speakMs,
      maxBytes,
    });
    if (!('chunks' in answer)) throw httpFailure(answer, 'The speech of Deepgram');
    yield* answer.chunks;
  }
  const voices = listedVoices(auraVoices);
  const stream: NonNullable<Tts['stream']> = async function* ({ text, language, voice }, signal) {
    const model = voice ?? (await voices(language, signal))[0]?.voice ?? '';
    yield* withoutHead(joined(partsOf(text, mostChars), (part) => request(part, model, signal)));
  };
  return { provider: 'deepgram', voices, stream, speak: spokenWhole(stream) };
}
