/** Conversions between phone audio and the formats of speech models. */
import { decode, encode, rateHz } from '../../media/audio/g711.ts';
import { createResampler } from '../../media/audio/resample.ts';
import type { AudioForm } from './session.ts';

export const pcmu: AudioForm = {
  format: { type: 'audio/pcmu' },
  encoder: () => (audio) => audio,
  decoder: () => (audio) => audio ?? new Uint8Array(0),
};

/** 16-bit little-endian samples at a rate of a simple ratio to 8 kHz. */
export function pcm(providerHz: number): AudioForm {
  return {
    format: { type: 'audio/pcm', rate: providerHz },
    encoder() {
      const resampler = createResampler(rateHz, providerHz);
      return (audio) => bytesOf(resampler.push(decode('PCMU', audio)));
    },
    decoder() {
      const resampler = createResampler(providerHz, rateHz);
      let odd: Uint8Array = new Uint8Array(0);
      return (audio) => {
        if (audio === null) return encode('PCMU', resampler.end());
        const whole = Buffer.concat([odd, audio]);
        const samples = Math.floor(whole.length / 2);
        // A sample may be split between two events.
        odd = whole.subarray(samples * 2);
        return encode('PCMU', resampler.push(Int16Array.from({ length: samples }, (_, nth) => whole.readInt16LE(nth * 2))));
      };
    },
  };
}
function bytesOf(samples: Int16Array): Uint8Array {
  const bytes = Buffer.alloc(samples.length * 2);
  for (const [nth, sample] of samples.entries()) bytes.writeInt16LE(sample, nth * 2);
  return bytes;
}
