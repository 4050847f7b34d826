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

test.each(['../outside', '/etc/passwd', 'a/b/c/d', '', 'UPPER'])('the id %j, which could lead elsewhere, is refused', async (blobId) => {
  const { signal } = new AbortController();
  const blobs = fsBlobs({ BLOB_DIR: dir });
  await expect(async () => blobs.read(blobId, { offset: 0, length: 1 }, signal)).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(async () => blobs.remove(blobId, signal)).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('no draft of a blob is left', async () => {
  const names = await readdir(dir, { recursive: true });
  expect(names.filter((name) => name.endsWith('.part'))).toEqual([]);
});
