/** Linear samples of 16 bits, little-endian, as providers and programs send them. */

/** Reads samples at any alignment; ignores an odd byte at the end. */
export function samplesOf(bytes: Uint8Array): Int16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int16Array.from({ length: Math.floor(bytes.length / 2) }, (_, nth) => view.getInt16(2 * nth, true));
}
/** The bytes of samples, which they share. */
export const bytesOf = <B extends ArrayBufferLike>({ buffer, byteOffset, byteLength }: Int16Array<B>): Uint8Array<B> =>
  new Uint8Array(buffer, byteOffset, byteLength);
/** Reads the samples of chunks, which may split a sample. */
export function createSampleReader(): (chunk: Uint8Array) => Int16Array {
  let odd: Uint8Array = new Uint8Array(0);
  return (chunk) => {
    const bytes = Buffer.concat([odd, chunk]);
    odd = bytes.subarray(bytes.length - (bytes.length % 2));
    return samplesOf(bytes);
  };
}
