/** Blob stores by BLOB_KIND. */
import { z } from 'zod';
import { s3BlobSettings, s3Blobs } from '../vendors/s3/blob.ts';
import { fsBlobSettings, fsBlobs } from './fs.ts';
import { memoryBlobs } from './memory.ts';

export const blobAdapters = {
  fs: { settings: fsBlobSettings, create: fsBlobs },
  memory: { settings: z.object({}), create: memoryBlobs },
  s3: { settings: s3BlobSettings, create: s3Blobs },
} as const;
