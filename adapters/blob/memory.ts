import { type Blobs, checkBlobId } from './port.ts';

/** Lost with the process. For tests and trials. */
export function memoryBlobs(): Blobs {
  const kept = new Map<string, Buffer>();
  return {
    async put(blobId, bytes, signal) {
      checkBlobId(blobId);
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      signal.throwIfAborted();
      const whole = Buffer.concat(chunks);
      kept.set(blobId, whole);
      return { bytes: whole.length };
    },
    async read(blobId, { offset, length }) {
      checkBlobId(blobId);
      return kept.get(blobId)?.subarray(offset, offset + length) ?? null;
    },
    async remove(blobId) {
      checkBlobId(blobId);
      kept.delete(blobId);
    },
  };
}
