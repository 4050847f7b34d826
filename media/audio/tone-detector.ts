/**
 * Steady single tones in audio: the beep of a mailbox and the special information tones of a network (SIT, ITU-T E.180). A sine satisfies
 * x[n−1] + x[n+1] = 2 cos ω · x[n]: a least-squares fit gives the frequency, and the residual shows how pure it is.
 */
import { rateHz } from './g711.ts';

export interface HeardTone {
  readonly kind: 'tone' | 'sit';
  /** Frequency; for a SIT that of its first tone. */
  readonly hz: number;
  readonly ms: number;
}
export interface ToneDetector {
  /** Returns the tones that ended in these samples. */
  push(samples: Int16Array): readonly HeardTone[];
}

const block = 160;
const blockMs = (block * 1_000) / rateHz;
/** Mean square of −40 dBm0. */
const leastPower = (32_767 * 10 ** ((-40 - 3.14) / 20)) ** 2 / 2;
/** Maximum share of the power outside the sine. */
const impurity = 0.06;
/** How far the frequency may move within a tone, and the power from block to block: two tones at once beat. */
const driftHz = 15;
const powerStep = 1.6;
const [lowestHz, highestHz] = [300, 3_000];
/** Three tones of 276 or 380 ms (E.180), with a tolerance of 30 ms and of half a block at both ends. */
const sitHz: readonly (readonly [number, number])[] = [
  [900, 1_000],
  [1_350, 1_450],
  [1_750, 1_850],
];
const [shortestSitMs, longestSitMs] = [200, 440];

/** A detector of one channel. A tone of less than `minMs` is not reported: a voice that hums is as pure. */
export function createToneDetector({ minMs = 300 }: { readonly minMs?: number } = {}): ToneDetector {
  const pending = new Int16Array(block);
  let filled = 0;
  let current: { readonly hz: number; readonly power: number; readonly blocks: number } | null = null;
  let former: readonly HeardTone[] = [];

  const take = (): readonly HeardTone[] => {
    const sine = sineOf(pending);
    if (current !== null && sine !== null && isLike(current, sine)) {
      current = { hz: current.hz + (sine.hz - current.hz) / (current.blocks + 1), power: sine.power, blocks: current.blocks + 1 };
      return [];
    }
    const ended = current;
    current = sine === null ? null : { ...sine, blocks: 1 };
    if (ended === null || ended.blocks * blockMs < Math.min(minMs, shortestSitMs)) return [];
    const tone = { kind: 'tone', hz: Math.round(ended.hz), ms: ended.blocks * blockMs } as const;
    former = [...former, tone].slice(-sitHz.length);
    const heard = tone.ms >= minMs ? [tone] : [];
    const [first] = former;
    if (first === undefined || !isSit(former)) return heard;
    const sit = { kind: 'sit', hz: first.hz, ms: former.reduce((sum, { ms }) => sum + ms, 0) } as const;
    former = [];
    return [...heard, sit];
  };
  return {
    push(samples) {
      const heard: HeardTone[] = [];
      for (let at = 0; at < samples.length; ) {
        const part = samples.subarray(at, at + block - filled);
        pending.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < block) continue;
        filled = 0;
        heard.push(...take());
      }
      return heard;
    },
  };
}

const isSit = (tones: readonly HeardTone[]) =>
  tones.length === sitHz.length &&
  tones.every(({ hz, ms }, nth) => {
    const [low, high] = sitHz[nth] ?? [0, 0];
    return hz >= low && hz <= high && ms >= shortestSitMs && ms <= longestSitMs;
  });

interface Sine {
  readonly hz: number;
  readonly power: number;
}
const isLike = (a: Sine, b: Sine) => Math.abs(a.hz - b.hz) <= driftHz && a.power <= b.power * powerStep && b.power <= a.power * powerStep;

/** The sine that fills the block; null if there is none. */
function sineOf(samples: Int16Array): Sine | null {
  let [cross, square, neighbours] = [0, 0, 0];
  for (let nth = 1; nth < block - 1; nth += 1) {
    const here = samples[nth] as number;
    const around = (samples[nth - 1] as number) + (samples[nth + 1] as number);
    cross += here * around;
    square += here * here;
    neighbours += around * around;
  }
  if (square < leastPower * block) return null;
  const half = samples.subarray(0, block / 2).reduce((sum, sample) => sum + sample * sample, 0);
  if (half * powerStep < square - half || (square - half) * powerStep < half) return null;
  const coefficient = cross / square;
  const residue = neighbours - coefficient * cross;
  if (Math.abs(coefficient) >= 2 || residue > impurity * square) return null;
  const hz = (Math.acos(coefficient / 2) * rateHz) / (2 * Math.PI);
  return hz >= lowestHz && hz <= highestHz ? { hz, power: square } : null;
}
