import type { Counting } from '../../contracts/kit/metric.ts';
import { asrAudioSeconds, asrFinals } from './metrics.ts';

export interface Counts {
  audio(seconds: number): void;
  /** How many finals a request had. */
  finals(count: number): void;
}
export function counts(metrics: Counting, provider: string): Counts {
  return {
    audio: (seconds) => metrics.count(asrAudioSeconds, { provider }, seconds),
    finals(count) {
      if (count === 0) metrics.count(asrFinals, { provider, outcome: 'empty' });
      else metrics.count(asrFinals, { provider, outcome: 'heard' }, count);
    },
  };
}
