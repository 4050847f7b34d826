/** Converts a recording of any supported format to G.711 μ-law, 8 kHz, mono, the input of ears. */
import { setImmediate } from 'node:timers/promises';
import { PolybError } from '../../contracts/kit/errors.ts';
import { decode, encode, rateHz as phoneHz } from '../../media/audio/g711.ts';
import { isOgg, OggError } from '../../media/audio/ogg.ts';
import { opusSamples } from '../../media/audio/opus.ts';
import { createResampler } from '../../media/audio/resample.ts';
import { readWav, WavError } from '../../media/audio/wav.ts';

/** Samples at 8 kHz converted before the process gets a pause to serve its calls. */
const sliceSamples = phoneHz;

/** @throws PolybError invalid_argument: bad_audio, audio_too_long */
export async function decodeRecording(
  file: { readonly bytes: Uint8Array; readonly contentType: string },
  { maxMs, signal }: { readonly maxMs: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let samples = 0;
  let sinceYield = 0;
  try {
    for (const part of partsOf(file)) {
      samples += part.length;
      if (samples > (maxMs * phoneHz) / 1_000) throw tooLong(maxMs);
      parts.push(encode('PCMU', part));
      sinceYield += part.length;
      if (sinceYield >= sliceSamples) {
        sinceYield = 0;
        await setImmediate(undefined, { signal });
      }
    }
  } catch (cause) {
    if (cause instanceof WavError || cause instanceof OggError || cause instanceof RangeError) throw bad(cause.message, cause);
    throw cause;
  }
  if (samples === 0) throw bad('it has no audio');
  return Buffer.concat(parts);
}

function partsOf({ bytes, contentType }: { readonly bytes: Uint8Array; readonly contentType: string }): Iterable<Int16Array> {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (start === 'RIFF') return wavParts(bytes);
  if (isOgg(bytes)) return opusSamples(bytes);
  if (/^audio\/(basic|pcmu)\b/i.test(contentType)) return ulawParts(bytes);
  const named = start.startsWith('ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0) ? 'it is MP3; ' : '';
  throw bad(`${named}expected WAV, OGG with Opus, or audio/basic`);
}

function* wavParts(bytes: Uint8Array): Generator<Int16Array> {
  const { samples, rateHz, channels } = readWav(bytes);
  const resampler = rateHz === phoneHz ? null : createResampler(rateHz, phoneHz);
  const slice = rateHz * channels;
  for (let at = 0; at < samples.length; at += slice) {
    const mono = mixed(samples.subarray(at, at + slice), channels);
    yield resampler === null ? mono : resampler.push(mono);
  }
  if (resampler !== null) yield resampler.end();
}
function mixed(samples: Int16Array, channels: 1 | 2): Int16Array {
  if (channels === 1) return samples;
  return Int16Array.from({ length: samples.length / 2 }, (_, nth) => ((samples[2 * nth] as number) + (samples[2 * nth + 1] as number)) / 2);
}
function* ulawParts(bytes: Uint8Array): Generator<Int16Array> {
  for (let at = 0; at < bytes.length; at += sliceSamples) yield decode('PCMU', bytes.subarray(at, at + sliceSamples));
}

function bad(why: string, cause?: unknown): PolybError {
  return new PolybError('invalid_argument', `The recording cannot be heard: ${why}.`, { reason: 'bad_audio', cause });
}
function tooLong(maxMs: number): PolybError {
  return new PolybError('invalid_argument', `The recording is longer than ${Math.round(maxMs / 1_000)} s (ASR_RECORDING_MAX_MS).`, {
    reason: 'audio_too_long',
  });
}
