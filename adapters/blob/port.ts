import { PolybError } from '../../contracts/kit/errors.ts';

/** Storage of files: bytes under an id that the caller chooses. */
export interface Blobs {
  /** Stores the bytes and replaces former ones under the same id. All or nothing. */
  put(blobId: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ readonly bytes: number }>;
  /** At most `length` bytes from `offset` on, fewer at the end; null for an unknown blob. */
  read(blobId: string, at: { readonly offset: number; readonly length: number }, signal: AbortSignal): Promise<Uint8Array | null>;
  /** An unknown blob is not an error. */
  remove(blobId: string, signal: AbortSignal): Promise<void>;
}

/** An id may become a path or a URL: it must not lead elsewhere. @throws PolybError invalid_argument */
export function checkBlobId(blobId: string): void {
  if (!/^[a-z0-9_]{4,64}$/.test(blobId)) throw new PolybError('invalid_argument', 'Bad blob id: expected 4 to 64 of a-z, 0-9 and _.');
}
