/** Comfort noise (RFC 3389): the level of the room while the sender is silent and sends no audio. */

export const comfortNoiseType = 13;

/** The level of a payload in dB below full scale; null for an empty one. The spectrum is ignored: the noise is white. */
export function noiseLevelDb(payload: Uint8Array): number | null {
  const [level] = payload;
  return level === undefined ? null : -(level & 0x7f);
}

/** A payload for a level in dB below full scale. */
export const writeNoise = (levelDb: number) => Uint8Array.of(Math.max(0, Math.min(127, Math.round(-levelDb))));

export function makeNoise(count: number, levelDb: number, random: () => number): Int16Array<ArrayBuffer> {
  const peak = 32_768 * 10 ** (levelDb / 20) * Math.sqrt(3);
  const samples = new Int16Array(count);
  for (let nth = 0; nth < count; nth += 1) samples[nth] = Math.max(-32_768, Math.min(32_767, Math.round((2 * random() - 1) * peak)));
  return samples;
}
