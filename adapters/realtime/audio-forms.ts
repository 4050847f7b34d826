/** Conversions between phone audio and the formats of speech models. */
import { decode, encode, rateHz } from '../../media/audio/g711.ts';
import { createSampleReader } from '../../media/audio/pcm.ts';
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
      const samplesOf = createSampleReader();
      return (audio) => encode('PCMU', audio === null ? resampler.end() : resampler.push(samplesOf(audio)));
    },
  };
}
function bytesOf(samples: Int16Array): Uint8Array {
  const bytes = Buffer.alloc(samples.length * 2);
  for (const [nth, sample] of samples.entries()) bytes.writeInt16LE(sample, nth * 2);
  return bytes;
}
