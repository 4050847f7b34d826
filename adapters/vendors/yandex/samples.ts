/** Reads 16-bit little-endian samples at any alignment; ignores an odd byte at the end. */
export function samplesOf(bytes: Buffer): Int16Array {
  return Int16Array.from({ length: Math.floor(bytes.length / 2) }, (_, nth) => bytes.readInt16LE(2 * nth));
}
