/** Where files are stored, by the name that BLOB_KIND gives. */
import { z } from 'zod';
import { fsBlobSettings, fsBlobs } from './fs.ts';
import { memoryBlobs } from './memory.ts';

export const blobAdapters = {
  fs: { settings: fsBlobSettings, create: fsBlobs },
  memory: { settings: z.object({}), create: memoryBlobs },
} as const;
