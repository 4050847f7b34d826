import { PolybError } from '../../contracts/kit/errors.ts';

/** Where files lie: bytes under an id that the caller chooses. */
export interface Blobs {
  /** Stores the bytes; under an id that is there already they take the place of the former ones. Whole or not at all. */
  put(blobId: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ readonly bytes: number }>;
  /** At most `length` bytes from `offset` on, fewer at the end; null when there is no such blob. */
  read(blobId: string, at: { readonly offset: number; readonly length: number }, signal: AbortSignal): Promise<Uint8Array | null>;
  /** A blob that is not there is no failure. */
  remove(blobId: string, signal: AbortSignal): Promise<void>;
}

/** An id may become a path or an address: it must not lead elsewhere. @throws PolybError invalid_argument */
export function checkBlobId(blobId: string): void {
  if (!/^[a-z0-9_]{4,64}$/.test(blobId)) throw new PolybError('invalid_argument', 'Bad blob id: expected 4 to 64 of a-z, 0-9 and _.');
}
