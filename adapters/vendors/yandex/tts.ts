/** The voices of Yandex SpeechKit, v3 over gRPC, with their roles and the times of words. */
import type { z } from 'zod';
import { encode, rateHz } from '../../../media/audio/g711.ts';
import { createSampleReader } from '../../../media/audio/pcm.ts';
import { listedVoices } from '../../tts/listed.ts';
import { partsOf } from '../../tts/parts.ts';
import type { SpeechItem, Tts, TtsProvider } from '../../tts/port.ts';
import { joined, spokenWhole, withoutHead } from '../../tts/streamed.ts';
import { failureOf, speechKit } from './client.ts';
import { Speech } from './responses.ts';
import type { yandexTtsSettings } from './settings.ts';
import { yandexVoices } from './voices.ts';

/** Maximum characters of a request, spoken in less than the limit of 24 s. Source: yandex.cloud/docs/speechkit, Quotas and limits. */
const mostChars = 250;

export function yandexVoice(settings: z.output<typeof yandexTtsSettings>): TtsProvider & { close(): void } {
  const kit = speechKit('tts', settings.YANDEX_SPEECHKIT_TTS_URL, settings);
  const voices = listedVoices(yandexVoices);

  async function* request(text: string, named: string, signal: AbortSignal): AsyncGenerator<SpeechItem> {
    const { client, metadata } = await kit.open();
    const [voice, role] = named.split('+');
    signal.throwIfAborted();
    const call = client.UtteranceSynthesis(
      {
        text,
        hints: [{ voice }, ...(role === undefined ? [] : [{ role }])],
        output_audio_spec: { raw_audio: { audio_encoding: 'LINEAR16_PCM', sample_rate_hertz: rateHz } },
        loudness_normalization_type: 'LUFS',
      },
      metadata,
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const samplesOf = createSampleReader();
    try {
      for await (const message of call) {
        const { audio_chunk: chunk, word_timings: words } = Speech.parse(message);
        if (chunk !== undefined) {
          const samples = samplesOf(chunk.data);
          if (samples.length > 0) yield encode('PCMU', samples);
        }
        if (words.length > 0)
          yield { words: words.map(({ word, start_ms, length_ms }) => ({ text: word, startMs: start_ms, endMs: start_ms + length_ms })) };
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw failureOf(thrown, 'The synthesis of speech');
    } finally {
      signal.removeEventListener('abort', cancel);
      call.on('error', () => {}); // It is cancelled.
      cancel();
    }
  }
  const stream: NonNullable<Tts['stream']> = async function* ({ text, language, voice }, signal) {
    const named = voice ?? (await voices(language, signal))[0]?.voice ?? '';
    yield* withoutHead(joined(partsOf(text, mostChars), (part) => request(part, named, signal)));
  };
  return { provider: 'yandex', voices, stream, speak: spokenWhole(stream), close: kit.close };
}
