import { blobsConform } from './conformance.ts';
import { memoryBlobs } from './memory.ts';

blobsConform(async () => memoryBlobs());
