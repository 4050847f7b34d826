/** Samples of 16 bits, little-endian, wherever the bytes are; an odd byte at the end is left out. */
export function samplesOf(bytes: Buffer): Int16Array {
  return Int16Array.from({ length: Math.floor(bytes.length / 2) }, (_, nth) => bytes.readInt16LE(2 * nth));
}
