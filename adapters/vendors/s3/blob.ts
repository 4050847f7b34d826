/**
 * Blobs as objects of one bucket of Amazon S3 or a server with the same REST API: MinIO, Ceph, Garage, Yandex and VK object storage.
 * Source: Amazon S3 API Reference, actions PutObject, GetObject, DeleteObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { flag, origin, secret, text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { type Blobs, checkBlobId } from '../../blob/port.ts';
import type { Deps, HttpAnswer, HttpRequest } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';

export const s3BlobSettings = z.object({
  BLOB_S3_ENDPOINT: origin().describe(
    'Base URL of the S3 server, e.g. https://s3.eu-central-1.amazonaws.com. List one on a private address in HTTP_ALLOW_PRIVATE too.',
  ),
  BLOB_S3_BUCKET: text({ like: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, expected: 'the name of a bucket' }).describe(
    'An existing bucket that only PolyB writes to.',
  ),
  BLOB_S3_REGION: text({ like: /^[a-z0-9-]{1,64}$/, expected: 'the name of a region, e.g. eu-central-1' })
    .default('us-east-1')
    .describe('Region for which requests are signed.'),
  BLOB_S3_ACCESS_KEY_ID: secret().describe(
    'Access key with permission to list the bucket, to put, get and delete its objects, and to abort multipart uploads.',
  ),
  BLOB_S3_SECRET_ACCESS_KEY: secret().describe('Secret of the access key.'),
  BLOB_S3_PATH_STYLE: flag()
    .default(true)
    .describe('Whether the bucket is in the path. Otherwise it is part of the host name: https://bucket.s3.example.'),
});

/** Part size of a larger object; at least 5 MiB except for the last, and at most 10,000 parts. One is held in memory. */
const partBytes = 8 * 1024 * 1024;
const requestMs = 60_000;

interface S3Request extends Pick<HttpRequest, 'method' | 'signal' | 'maxBytes'> {
  readonly operation: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly range?: string;
  readonly body?: Uint8Array;
}

export function s3Blobs(options: z.output<typeof s3BlobSettings>, { http }: Pick<Deps, 'http'>): Blobs {
  const ask = signedBy(options, http);

  /** An incomplete upload does not appear in the bucket's list, but its parts are billed. */
  const upload = async (blobId: string, first: Uint8Array, rest: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> => {
    const begun = await ask(blobId, { operation: 'CreateMultipartUpload', method: 'POST', query: { uploads: '' }, signal });
    const uploadId = fieldOf(begun, 'UploadId');
    if (begun.status !== 200 || uploadId === undefined) throw failure(begun, 'Beginning an upload');
    try {
      const tags: string[] = [];
      let size = 0;
      const put = async (body: Uint8Array): Promise<void> => {
        const query = { partNumber: String(tags.length + 1), uploadId };
        const answer = await ask(blobId, { operation: 'UploadPart', method: 'PUT', query, body, signal });
        const tag = answer.headers.etag;
        if (answer.status !== 200 || tag === undefined) throw failure(answer, 'Storing a part');
        tags.push(tag);
        size += body.length;
      };
      await put(first);
      for await (const part of rest) await put(part);
      const body = Buffer.from(completion(tags));
      const done = await ask(blobId, { operation: 'CompleteMultipartUpload', method: 'POST', query: { uploadId }, body, signal });
      // A failure may have status 200, with the error in the body.
      if (done.status !== 200 || !done.text().includes('<CompleteMultipartUploadResult')) throw failure(done, 'Completing an upload');
      return size;
    } catch (error) {
      const given = AbortSignal.timeout(requestMs); // The caller's signal may have ended the upload.
      await ask(blobId, { operation: 'AbortMultipartUpload', method: 'DELETE', query: { uploadId }, signal: given }).catch(() => undefined);
      throw error;
    }
  };

  return {
    async put(blobId, bytes, signal) {
      const parts = inParts(bytes, partBytes);
      try {
        const body = (await parts.next()).value ?? new Uint8Array();
        if (body.length === partBytes) return { bytes: await upload(blobId, body, parts, signal) };
        const answer = await ask(blobId, { operation: 'PutObject', method: 'PUT', body, signal });
        if (answer.status !== 200) throw failure(answer, 'Storing a file');
        return { bytes: body.length };
      } finally {
        await parts.return(undefined);
      }
    },
    async read(blobId, { offset, length }, signal) {
      const range = `bytes=${offset}-${offset + length - 1}`;
      // Space for an error description, which may be longer than the requested part.
      const answer = await ask(blobId, { operation: 'GetObject', method: 'GET', range, maxBytes: length + 65_536, signal });
      if (answer.status === 206) return answer.bytes.subarray(0, length);
      if (answer.status === 200) return answer.bytes.subarray(offset, offset + length); // A server may ignore a range.
      if (answer.status === 416) return new Uint8Array(); // The range begins after the end, as any does in an empty object.
      if (isMissing(answer)) return null;
      throw failure(answer, 'Reading a file');
    },
    async remove(blobId, signal) {
      const answer = await ask(blobId, { operation: 'DeleteObject', method: 'DELETE', signal });
      if (answer.status !== 204 && answer.status !== 200 && !isMissing(answer)) throw failure(answer, 'Removing a file');
    },
  };
}

/** Requests one object, signed with AWS Signature Version 4 over the whole body. */
function signedBy(options: z.output<typeof s3BlobSettings>, http: Deps['http']): (blobId: string, asked: S3Request) => Promise<HttpAnswer> {
  const { BLOB_S3_BUCKET: bucket, BLOB_S3_PATH_STYLE: isInPath } = options;
  const base = new URL(options.BLOB_S3_ENDPOINT);
  if (isInPath) base.pathname = `/${bucket}/`;
  else base.hostname = `${bucket}.${base.hostname}`;
  const keys = { accessKeyId: options.BLOB_S3_ACCESS_KEY_ID, secretAccessKey: options.BLOB_S3_SECRET_ACCESS_KEY };
  const derived = new Map<string, ArrayBuffer>();

  return async (blobId, { method, query = {}, range, body, ...rest }) => {
    checkBlobId(blobId);
    const { AwsV4Signer } = await import('aws4fetch'); // Loaded with the first request.
    const target = new URL(blobId, base);
    target.search = new URLSearchParams(query).toString();
    const url = target.href;
    const hash = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const headers = { 'x-amz-content-sha256': hash, 'accept-encoding': 'identity', ...(range !== undefined && { range }) };
    const signer = new AwsV4Signer({ ...keys, method, url, headers, service: 's3', region: options.BLOB_S3_REGION, cache: derived });
    const signed = await signer.sign();
    return await http({ ...rest, method, url, headers: Object.fromEntries(signed.headers), timeoutMs: requestMs, ...(body && { body }) });
  };
}

/** Parts of exactly `size` bytes, the last one smaller; none is empty. */
async function* inParts(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, undefined> {
  let chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes)
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, size - length);
      chunks.push(taken);
      length += taken.length;
      rest = rest.subarray(taken.length);
      if (length === size) {
        yield Buffer.concat(chunks);
        chunks = [];
        length = 0;
      }
    }
  if (length > 0) yield Buffer.concat(chunks);
}

const completion = (tags: readonly string[]): string =>
  `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${tags
    .map((tag, n) => `<Part><PartNumber>${n + 1}</PartNumber><ETag>${inXml(tag)}</ETag></Part>`)
    .join('')}</CompleteMultipartUpload>`;
const inXml = (written: string): string => written.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** The text of an element without child elements. */
const fieldOf = (answer: HttpAnswer, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]{1,2000})</${name}>`).exec(answer.text())?.[1];

/** Not a missing bucket: it would make every blob look lost. */
const isMissing = (answer: HttpAnswer): boolean => answer.status === 404 && fieldOf(answer, 'Code') !== 'NoSuchBucket';

/** The description repeats the key id and the signed text, so only the code is kept. */
function failure(answer: HttpAnswer, what: string): PolybError {
  const code = fieldOf(answer, 'Code');
  const seen = { ...answer, bytes: Buffer.from(code ?? '') };
  if (code === 'NoSuchBucket')
    return new PolybError('not_found', `${what} failed: the bucket does not exist; check BLOB_S3_BUCKET and BLOB_S3_ENDPOINT.`, {
      reason: 'no_bucket',
    });
  return httpFailure(seen, what);
}
