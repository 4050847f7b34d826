import { expect, test } from '@jest/globals';
import type { Blobs } from './port.ts';

async function* chunksOf(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
const { signal } = new AbortController();
const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());

/** Tests that every blob store must pass. */
export function blobsConform(open: () => Promise<Blobs>): void {
  test('what is put in chunks is read whole and in parts', async () => {
    const blobs = await open();
    expect(await blobs.put('blob_0001', chunksOf('hello ', 'wide ', 'world'), signal)).toEqual({ bytes: 16 });
    const read = async (offset: number, length: number) => textOf(await blobs.read('blob_0001', { offset, length }, signal));
    expect(await read(0, 100)).toBe('hello wide world');
    expect(await read(6, 4)).toBe('wide');
    expect(await read(11, 100)).toBe('world');
    expect(await read(16, 10)).toBe('');
    expect(await read(100, 10)).toBe('');
  });

  test('an empty blob is there, and one that was never put is not', async () => {
    const blobs = await open();
    await blobs.put('blob_0002', chunksOf(), signal);
    expect(textOf(await blobs.read('blob_0002', { offset: 0, length: 5 }, signal))).toBe('');
    expect(await blobs.read('blob_none', { offset: 0, length: 5 }, signal)).toBeNull();
  });

  test('a second put takes the place of the first', async () => {
    const blobs = await open();
    await blobs.put('blob_0003', chunksOf('the first one'), signal);
    await blobs.put('blob_0003', chunksOf('second'), signal);
    expect(textOf(await blobs.read('blob_0003', { offset: 0, length: 100 }, signal))).toBe('second');
  });

  test('a put that breaks off leaves nothing, and what was there', async () => {
    const blobs = await open();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('broke off');
    }
    await expect(blobs.put('blob_0004', broken(), signal)).rejects.toThrow('broke off');
    expect(await blobs.read('blob_0004', { offset: 0, length: 5 }, signal)).toBeNull();
    await blobs.put('blob_0005', chunksOf('whole'), signal);
    await expect(blobs.put('blob_0005', broken(), signal)).rejects.toThrow('broke off');
    expect(textOf(await blobs.read('blob_0005', { offset: 0, length: 100 }, signal))).toBe('whole');
  });

  test('what is removed is gone, and removing it again is no failure', async () => {
    const blobs = await open();
    await blobs.put('blob_0006', chunksOf('soon gone'), signal);
    await blobs.remove('blob_0006', signal);
    await blobs.remove('blob_0006', signal);
    expect(await blobs.read('blob_0006', { offset: 0, length: 5 }, signal)).toBeNull();
  });

  test.each(['../outside', '/etc/passwd', 'a/b/c/d', '', 'UPPER', 'blob_1?uploads'])(
    'the id %j, which could lead elsewhere, is refused',
    async (blobId) => {
      const blobs = await open();
      await expect(async () => blobs.put(blobId, chunksOf('x'), signal)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(async () => blobs.read(blobId, { offset: 0, length: 1 }, signal)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(async () => blobs.remove(blobId, signal)).rejects.toMatchObject({ code: 'invalid_argument' });
    },
  );
}
