/**
 * The voices of OpenAI, which speak any language and are streamed during synthesis. Source: platform.openai.com, API reference, Create
 * speech.
 */
import type { z } from 'zod';
import { encode, rateHz } from '../../../media/audio/g711.ts';
import { createSampleReader } from '../../../media/audio/pcm.ts';
import { createResampler } from '../../../media/audio/resample.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { partsOf } from '../../tts/parts.ts';
import type { Tts, TtsProvider } from '../../tts/port.ts';
import { joined, spokenWhole, withoutHead } from '../../tts/streamed.ts';
import type { openAiTtsSettings } from './audio-settings.ts';

/** The rate of `pcm`: 16 bits, little-endian. */
const pcmHz = 24_000;
const mostChars = 4_096;
const speakMs = 120_000;
/** Eight minutes. */
const maxBytes = 24_000_000;
const names = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'nova', 'onyx', 'sage', 'shimmer', 'verse'] as const;
/** The languages listed, of all that the models speak. */
const languages = ['ru', 'en', 'de', 'es', 'fr', 'it', 'pt', 'pl', 'uk', 'kk', 'tr', 'zh', 'ja'] as const;

export function openAiVoice(settings: z.output<typeof openAiTtsSettings>, { httpStream }: Pick<Deps, 'httpStream'>): TtsProvider {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl, OPENAI_TTS_MODEL: model } = settings;
  async function* request(text: string, voice: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const answer = await httpStream({
      method: 'POST',
      url: `${baseUrl}/audio/speech`,
      operation: 'speak',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, voice, input: text, response_format: 'pcm' }),
      signal,
      timeoutMs: speakMs,
      maxBytes,
    });
    if (!('chunks' in answer)) throw httpFailure(answer, 'The speech of OpenAI');
    const resampler = createResampler(pcmHz, rateHz);
    const samplesOf = createSampleReader();
    for await (const chunk of answer.chunks) {
      const speech = encode('PCMU', resampler.push(samplesOf(chunk)));
      if (speech.length > 0) yield speech;
    }
    yield encode('PCMU', resampler.end());
  }
  const stream: NonNullable<Tts['stream']> = async function* ({ text, voice = names[0] }, signal) {
    yield* withoutHead(joined(partsOf(text, mostChars), (part) => request(part, voice, signal)));
  };
  return {
    provider: 'openai',
    stream,
    speak: spokenWhole(stream),
    async voices(language) {
      if (language === undefined) return languages.map((each) => ({ voice: names[0], language: each, gender: null }));
      return names.map((voice) => ({ voice, language, gender: null }));
    },
  };
}
