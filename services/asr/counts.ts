import type { Counting } from '../../contracts/kit/metric.ts';
import { asrAudioSeconds, asrFinals } from './metrics.ts';

export interface Counts {
  audio(provider: string, seconds: number): void;
  /** Counts the finals of a request. */
  finals(provider: string, count: number): void;
}
export function counts(metrics: Counting): Counts {
  return {
    audio: (provider, seconds) => metrics.count(asrAudioSeconds, { provider }, seconds),
    finals(provider, count) {
      if (count === 0) metrics.count(asrFinals, { provider, outcome: 'empty' });
      else metrics.count(asrFinals, { provider, outcome: 'heard' }, count);
    },
  };
}
