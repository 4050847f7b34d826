/** DTMF keys in audio (ITU-T Q.24), by the power at their eight frequencies. */
import { rateHz } from './g711.ts';
import { dtmfColumnsHz, dtmfRowsHz, keypad } from './tones.ts';

/** Power of `samples` at one frequency, on the scale of the sum of their squares times half their number. */
export function goertzel(samples: Int16Array, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rateHz);
  let [last, beforeLast] = [0, 0];
  for (let nth = 0; nth < samples.length; nth += 1) {
    const next = coefficient * last - beforeLast + (samples[nth] as number);
    beforeLast = last;
    last = next;
  }
  return last * last + beforeLast * beforeLast - coefficient * last * beforeLast;
}

/** 12.75 ms: the shortest block whose bins keep the rows apart. */
const block = 102;
/** −35 dBm0 for each tone: 10 dB above the threshold of Q.24, which misses no phone and triggers on less speech. */
const leastPower = ((32_767 * 10 ** ((-35 - 3.14) / 20)) ** 2 * block * block) / 4;
/** How much stronger the tone is than the next of its group: 8 dB. */
const peak = 6.3;
/** A column may be 4 dB above its row (twist), a row 8 dB above its column (reverse twist: long lines lose the high tone). */
const [twist, reverseTwist] = [2.51, 6.31];
/** Share of a block's energy in the two tones; speech, which has more than two, has less (talk-off). */
const purity = 0.85;
/** The same over two blocks: tones that are off by 1 % still add up, gliding ones do not. */
const coherence = 0.5;
const blocksToEnd = 2;

export interface DtmfDetector {
  /** The keys whose tones began in these samples: one for each press. */
  push(samples: Int16Array): string;
}

/** A detector of one channel. A press lasts at least 40 ms, with 40 ms before the same key again. */
export function createDtmfDetector(): DtmfDetector {
  /** The previous block, and the one being filled. */
  const both = new Int16Array(2 * block);
  const pending = both.subarray(block);
  let filled = 0;
  let [candidate, missed]: [string | null, number] = [null, 0];
  let pressed: string | null = null;

  const take = (): string => {
    const key = keyOf(pending);
    if (key !== null && key === pressed) {
      missed = 0;
      return '';
    }
    if (pressed !== null) {
      missed += 1;
      if (missed >= blocksToEnd) pressed = null;
    }
    const isSteady = key !== null && key === candidate && isCoherent(both, key);
    candidate = key;
    if (!isSteady) return '';
    pressed = key;
    missed = 0;
    return key;
  };
  return {
    push(samples) {
      let keys = '';
      for (let at = 0; at < samples.length; ) {
        const part = samples.subarray(at, at + block - filled);
        pending.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < block) continue;
        filled = 0;
        keys += take();
        both.copyWithin(0, block);
      }
      return keys;
    },
  };
}

/** The key whose two tones fill the block, or null. */
function keyOf(samples: Int16Array): string | null {
  let energy = 0;
  for (let nth = 0; nth < block; nth += 1) energy += (samples[nth] as number) ** 2;
  if ((energy * block) / 2 < leastPower) return null;
  const row = strongest(samples, dtmfRowsHz);
  const column = strongest(samples, dtmfColumnsHz);
  if (row === null || column === null) return null;
  if (column.power > row.power * twist || row.power > column.power * reverseTwist) return null;
  if (row.power + column.power < (purity * energy * block) / 2) return null;
  return keypad[row.nth]?.[column.nth] ?? null;
}

function isCoherent(samples: Int16Array, key: string): boolean {
  const row = keypad.findIndex((keys) => keys.includes(key));
  const column = keypad[row]?.indexOf(key) ?? 0;
  const energy = samples.reduce((sum, sample) => sum + sample * sample, 0);
  const power = goertzel(samples, dtmfRowsHz[row] ?? 0) + goertzel(samples, dtmfColumnsHz[column] ?? 0);
  return power >= (coherence * energy * samples.length) / 2;
}

function strongest(samples: Int16Array, frequencies: readonly number[]): { readonly nth: number; readonly power: number } | null {
  const powers = frequencies.map((hz) => goertzel(samples, hz));
  const power = Math.max(...powers);
  const nth = powers.indexOf(power);
  const isClear = powers.every((other, index) => index === nth || other * peak < power);
  return power >= leastPower && isClear ? { nth, power } : null;
}
