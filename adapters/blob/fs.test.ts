import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { blobsConform } from './conformance.ts';
import { fsBlobs } from './fs.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'polyb-blobs-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

blobsConform(async () => fsBlobs({ BLOB_DIR: dir }));

test('no draft of a blob is left', async () => {
  const names = await readdir(dir, { recursive: true });
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
});
