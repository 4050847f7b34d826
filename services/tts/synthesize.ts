import type { TtsProvider } from '../../adapters/tts/port.ts';
import { streamOf, wholeOf } from '../../adapters/tts/streamed.ts';
import type { Handler } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { tts as contract } from '../../contracts/tts.ts';
import { decode, rateHz as phoneHz } from '../../media/audio/g711.ts';
import { opusFileInSlices } from '../../media/audio/opus.ts';
import { resample } from '../../media/audio/resample.ts';
import { wavFile } from '../../media/audio/wav.ts';

/** The limit of `Bytes`. */
const maxBytes = 262_144;

/** Counts seconds of delivered speech. */
export type CountSpeech = (provider: string, seconds: number) => void;

export function synthesize(tts: TtsProvider, spoke: CountSpeech): Handler<typeof contract.synthesize> {
  return async ({ text, language, voice, format, rateHz = phoneHz }, { signal }) => {
    const { audio: speech, by } = await wholeOf(streamOf(tts, { text, language, voice }, signal));
    const audio = await encoded[format](speech, { rateHz, signal });
    if (audio.length > maxBytes)
      throw new PolybError(
        'invalid_argument',
        `The speech takes ${Math.round(speech.length / phoneHz)} s, which is ${audio.length} bytes of ${format}, too much for a reply; use tts.synthesize_stream.`,
        { reason: 'audio_too_long' },
      );
    const { provider = tts.provider, voice: spokenBy = voice ?? '' } = by ?? {};
    spoke(provider, speech.length / phoneHz);
    return {
      audio,
      contentType: contentTypes[format],
      voice: spokenBy,
      provider,
      durationMs: durationMs(speech.length),
    };
  };
}

const contentTypes = { pcmu: 'audio/basic', wav: 'audio/wav', ogg: 'audio/ogg; codecs=opus' } as const;
interface Encoding {
  readonly rateHz: number;
  readonly signal: AbortSignal;
}
const encoded: Readonly<Record<keyof typeof contentTypes, (speech: Uint8Array, how: Encoding) => Uint8Array | Promise<Uint8Array>>> = {
  pcmu: (speech) => speech,
  wav: (speech, { rateHz }) => wavFile({ rateHz, channels: 1 }, resample(decode('PCMU', speech), phoneHz, rateHz)),
  ogg: (speech, { signal }) => opusFileInSlices(decode('PCMU', speech), signal),
};

/** @param bytes of G.711 */
export const durationMs = (bytes: number): number => Math.round((bytes * 1_000) / phoneHz);
