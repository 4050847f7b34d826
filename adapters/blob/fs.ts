/** Blobs as files in one folder, shared by all processes. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { text } from '../../config/settings.ts';
import { type Blobs, checkBlobId } from './port.ts';

export const fsBlobSettings = z.object({
  BLOB_DIR: text({ max: 500 }).default('.polyb/blobs').describe('Folder for stored files. Several machines must share it.'),
});

export function fsBlobs({ BLOB_DIR }: z.output<typeof fsBlobSettings>): Blobs {
  const root = resolve(BLOB_DIR);
  return {
    async put(blobId, bytes, signal) {
      const path = pathOf(root, blobId);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      // Written to a temporary file and renamed, so that readers and crashes never leave half a blob.
      const draft = `${path}.${randomUUID()}.part`;
      try {
        await using file = await open(draft, 'wx', 0o600);
        let size = 0;
        for await (const chunk of bytes) {
          signal.throwIfAborted();
          await file.writeFile(chunk);
          size += chunk.length;
        }
        await file.sync();
        await rename(draft, path);
        return { bytes: size };
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
    async read(blobId, { offset, length }) {
      try {
        await using file = await open(pathOf(root, blobId), 'r');
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await file.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    remove: (blobId) => rm(pathOf(root, blobId), { force: true }),
  };
}

/** Two levels of folders from the end of the id, which is random; its beginning is a time. */
function pathOf(root: string, blobId: string): string {
  checkBlobId(blobId);
  return join(root, blobId.slice(-2), blobId.slice(-4, -2), blobId);
}
