/** Bytes of any size as an HTTP reply: read from the service in parts, with Range (RFC 9110, section 14) and ETag. */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

/** The output of a method with `reply: 'ranged'` for an `offset` and `length`. */
const Part = z.object({
  contentType: z.string(),
  name: z.string().nullable(),
  bytes: z.number(),
  version: z.string(),
  body: z.instanceof(Uint8Array),
});
type Part = z.output<typeof Part>;
const partBytes = 262_144;

/** Shown inline; everything else is downloaded, since a browser might run code in it. */
const inline = /^(image\/(png|jpeg|gif|webp)|audio\/[\w.+-]+|video\/[\w.+-]+)$/;

/** @param ask Returns a part of the bytes. */
export async function answerRanged(
  ask: (at: { readonly offset: number; readonly length: number }) => Promise<unknown>,
  { headers }: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const part = async (offset: number, length: number): Promise<Part> => Part.parse(await ask({ offset, length }));
  const wanted = rangeOf(headers.range);
  const first = await part(wanted !== undefined && 'from' in wanted ? wanted.from : 0, partBytes);
  const { bytes: size, version } = first;
  const etag = `"${version}"`;
  const type = inline.test(first.contentType) ? first.contentType : 'application/octet-stream';
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('content-type', type)
    .header('content-disposition', dispositionOf(type === first.contentType ? 'inline' : 'attachment', first.name))
    // If a browser opens it as a page after all, nothing runs in it.
    .header('content-security-policy', "default-src 'none'; sandbox");
  if (headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) return reply.code(304).send();
  const isWhole = wanted === undefined || (headers['if-range'] !== undefined && headers['if-range'] !== etag);
  if (isWhole) {
    const begin = wanted === undefined || wanted.from === 0 ? first : await part(0, partBytes);
    return reply.header('content-length', size).send(Readable.from(partsOf(begin, 0, size, part)));
  }
  const from = 'last' in wanted ? Math.max(0, size - wanted.last) : wanted.from;
  const to = 'last' in wanted ? size : Math.min(wanted.to + 1, size);
  if (from >= to) return reply.code(416).header('content-range', `bytes */${size}`).removeHeader('content-disposition').send();
  const begin = 'last' in wanted ? await part(from, partBytes) : first;
  return reply
    .code(206)
    .header('content-range', `bytes ${from}-${to - 1}/${size}`)
    .header('content-length', to - from)
    .send(Readable.from(partsOf(begin, from, to, part)));
}

/** From `from` (inclusive) to `before` (exclusive). A file that changes meanwhile breaks the reply off, since its length would be wrong. */
async function* partsOf(
  first: Part,
  from: number,
  to: number,
  part: (offset: number, length: number) => Promise<Part>,
): AsyncGenerator<Buffer> {
  for (let at = from, { body, version } = first; at < to; ) {
    if (body.length === 0 || version !== first.version) throw new Error('the file changed while it was being read');
    const bytes = Buffer.from(body).subarray(0, to - at);
    yield bytes;
    at += bytes.length;
    if (at < to) ({ body, version } = await part(at, partBytes));
  }
}

type Range = { readonly from: number; readonly to: number } | { readonly from: 0; readonly last: number };
/** One range of bytes; several ranges or another unit may be ignored, and are. */
function rangeOf(header: string | undefined): Range | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') return { from: 0, last: Number(to) };
  if (to !== '' && Number(to) < Number(from)) return undefined;
  return { from: Number(from), to: to === '' ? Number.MAX_SAFE_INTEGER - 1 : Number(to) };
}

/** Source: RFC 6266 and RFC 8187. */
function dispositionOf(how: 'inline' | 'attachment', name: string | null): string {
  if (name === null) return how;
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${how}; filename*=UTF-8''${encoded}`;
}
