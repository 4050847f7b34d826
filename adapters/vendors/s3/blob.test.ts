import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error It has no types.
import S3rver from '@20minutes/s3rver';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { blobsConform } from '../../blob/conformance.ts';
import { createHttp } from '../../http.ts';
import { s3BlobSettings, s3Blobs } from './blob.ts';

const { signal } = new AbortController();
let dir: string;
let server: { run(): Promise<unknown>; close(): Promise<unknown>; getMiddleware(): RequestListener };
let endpoint: string;
/** Objects that were put empty: the server answers a range of one with a byte that is not there, and S3 with 416. */
const empty = new Set<string>();
/** The requests of the test, as the server received them. */
let seen: string[] = [];
/** Decides the reply that a client gets instead of the server's. */
let answer: ((request: string) => { readonly status: number; readonly body?: string } | 'cut' | null) | undefined;
let front: Server;
let http: ReturnType<typeof createHttp>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'polyb-s3-'));
  // It verifies each signature with its own implementation.
  server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: dir,
    configureBuckets: [{ name: 'polyb-files', configs: [] }],
  });
  await server.run();
  const serve = server.getMiddleware();
  front = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    seen.push(line);
    const instead = answer?.(line);
    if (instead === 'cut') request.socket.destroy();
    else if (instead) response.writeHead(instead.status).end(instead.body);
    else if (request.method === 'GET' && empty.has(request.url ?? ''))
      response.writeHead(416).end('<Error><Code>InvalidRange</Code></Error>');
    else {
      if (request.method === 'PUT') empty[request.headers['content-length'] === '0' ? 'add' : 'delete'](request.url ?? '');
      serve(request, response);
    }
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  http = createHttp({ allowPrivate: [endpoint] });
});
afterEach(() => {
  seen = [];
  answer = undefined;
});
afterAll(async () => {
  await http.close();
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

const open = (settings: object = {}, client = http) =>
  s3Blobs(
    s3BlobSettings.parse({
      BLOB_S3_ENDPOINT: endpoint,
      BLOB_S3_BUCKET: 'polyb-files',
      BLOB_S3_ACCESS_KEY_ID: 'S3RVER',
      BLOB_S3_SECRET_ACCESS_KEY: 'S3RVER',
      ...settings,
    }),
    { http: client },
  );
const one = { offset: 0, length: 1 };
async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
const megabyte = 1024 * 1024;
/** No two positions within a megabyte are alike. */
const large = (bytes: number) => Buffer.from(Uint8Array.from({ length: bytes }, (_, n) => (n * 7 + (n >> 8) + (n >> 16)) % 256));

blobsConform(async () => open());

test.each([8 * megabyte - 1, 8 * megabyte, 8 * megabyte + 1, 20 * megabyte])('%d bytes come back as they were put', async (size) => {
  const whole = large(size);
  const blobs = open();
  const chunks = chunksOf(whole.subarray(0, 1_000_003), whole.subarray(1_000_003));
  expect(await blobs.put('blob_large', chunks, signal)).toEqual({ bytes: size });
  const read = await blobs.read('blob_large', { offset: 0, length: size + 1 }, signal);
  expect(read !== null && whole.equals(read)).toBe(true);
  const middle = await blobs.read('blob_large', { offset: size - 10, length: 10 }, signal);
  expect(middle !== null && whole.subarray(-10).equals(middle)).toBe(true);
});

test.each(['the source', 'a part', 'the completion', 'the completion, with status 200,'])(
  'an upload in parts of which %s fails is aborted, and the former bytes stay',
  async (what) => {
    const blobs = open();
    await blobs.put('blob_kept', chunksOf(Buffer.from('former')), signal);
    async function* source(): AsyncGenerator<Uint8Array> {
      yield large(9 * megabyte);
      if (what === 'the source') throw new Error('broke off');
    }
    answer = (line) => {
      if (what === 'a part' && line.includes('partNumber=2')) return 'cut';
      if (!/^POST .*uploadId=/.test(line)) return null;
      if (what === 'the completion') return { status: 503 };
      return what === 'the source' ? null : { status: 200, body: '<Error><Code>InternalError</Code></Error>' };
    };
    const failed = what === 'the source' ? { message: 'broke off' } : { code: 'upstream_failed' };
    await expect(blobs.put('blob_kept', source(), signal)).rejects.toMatchObject(failed);
    expect(seen.at(-1)).toMatch(/^DELETE \/polyb-files\/blob_kept\?uploadId=./);
    answer = undefined;
    expect(Buffer.from((await blobs.read('blob_kept', { offset: 0, length: 99 }, signal)) ?? '').toString()).toBe('former');
  },
);

/** What each method does with one object. */
const methods = {
  put: (blobs: ReturnType<typeof open>) => blobs.put('blob_0009', chunksOf(Buffer.from('a')), signal),
  read: (blobs: ReturnType<typeof open>) => blobs.read('blob_0009', one, signal),
  remove: (blobs: ReturnType<typeof open>) => blobs.remove('blob_0009', signal),
};
describe.each(Object.entries(methods))('%s', (_, run) => {
  test('fails with a code that says what to do', async () => {
    await expect(run(open({ BLOB_S3_SECRET_ACCESS_KEY: 'another' }))).rejects.toMatchObject({
      code: 'failed_precondition',
      reason: 'upstream_credentials',
      evidence: { lastBytes: 'SignatureDoesNotMatch' },
    });
    await expect(run(open({ BLOB_S3_BUCKET: 'no-such-bucket' }))).rejects.toMatchObject({ code: 'not_found', reason: 'no_bucket' });
    answer = () => ({ status: 503, body: '<Error><Code>SlowDown</Code></Error>' });
    await expect(run(open())).rejects.toMatchObject({ code: 'upstream_failed', reason: 'upstream_status' });
    answer = () => 'cut';
    await expect(run(open())).rejects.toMatchObject({ code: 'upstream_failed', reason: 'cut_off' });
  });

  test('does not reach an inner address that is not listed', async () => {
    const guarded = createHttp({ allowPrivate: [] });
    await expect(run(open({}, guarded))).rejects.toMatchObject({ code: 'unavailable', reason: 'address_forbidden' });
    expect(seen).toEqual([]);
    await guarded.close();
  });
});

test('removing an object is no failure where the server answers 404 for one that is not there', async () => {
  answer = () => ({ status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' });
  await expect(open().remove('blob_none', signal)).resolves.toBeUndefined();
});

test('a server that ignores the range is read all the same', async () => {
  answer = () => ({ status: 200, body: 'hello wide world' });
  expect(Buffer.from((await open().read('blob_0010', { offset: 6, length: 4 }, signal)) ?? '').toString()).toBe('wide');
});

test("the bucket stands before the server's name where the path does not hold it", async () => {
  const asked: string[] = [];
  const blobs = open(
    { BLOB_S3_ENDPOINT: 'https://s3.example:8443', BLOB_S3_PATH_STYLE: 'false' },
    Object.assign(
      async (request: { readonly url: string }) => {
        asked.push(request.url);
        return { status: 204, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => null };
      },
      { stream: http.stream, close: async () => {} },
    ),
  );
  await blobs.remove('blob_0011', signal);
  expect(asked).toEqual(['https://polyb-files.s3.example:8443/blob_0011']);
});
