/** Mixes two signals of equal length, G.711 μ-law. */
import { decode, encode } from './g711.ts';

const [least, most] = [-32_768, 32_767];

export function mix(one: Uint8Array, other: Uint8Array): Uint8Array {
  const [left, right] = [decode('PCMU', one), decode('PCMU', other)];
  return encode(
    'PCMU',
    left.map((sample, at) => Math.min(most, Math.max(least, sample + (right[at] ?? 0)))),
  );
}
