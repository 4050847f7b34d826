/** A method's output as an HTTP reply. */
import { stringify } from 'node:querystring';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { encode } from '../../bus/wire/codec.ts';
import type { HttpRoute } from './routes.ts';

type Fields = Readonly<Record<string, unknown>>;

export function answer(route: HttpRoute, output: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { method, isPaged } = route;
  const fields: Fields = typeof output === 'object' && output !== null ? (output as Fields) : {};
  if (method.http.reply === 'bytes') return bytes(fields, reply);
  const version = method.http.etag === undefined ? undefined : fields[method.http.etag];
  if (typeof version === 'string') reply.header('etag', `"${version}"`);
  if (isPaged && typeof fields.nextCursor === 'string') addLink(reply, `<${nextPage(request, fields.nextCursor)}>; rel="next"`);
  return reply.header('content-type', 'application/json; charset=utf-8').send(encode('json', output, method.bytes));
}

function bytes({ body, contentType, status }: Fields, reply: FastifyReply): FastifyReply {
  if (typeof status === 'number') reply.code(status);
  const isScript = typeof contentType !== 'string' || !harmless.test(contentType);
  reply.header('content-type', isScript ? 'application/octet-stream' : contentType);
  return reply.send(body instanceof Uint8Array ? Buffer.from(body) : String(body ?? ''));
}
/** Types that a browser shows without running code in them. */
const harmless = /^(text\/plain|audio\/[\w.+-]+|video\/[\w.+-]+|image\/(png|jpeg|gif|webp)|application\/(json|pdf|octet-stream))\s*(;.*)?$/;

function addLink(reply: FastifyReply, link: string): void {
  const others = reply.getHeader('link');
  reply.header('link', others === undefined ? link : `${others}, ${link}`);
}
/** The same URL with another cursor. */
function nextPage({ url, query }: FastifyRequest, cursor: string): string {
  return `${url.split('?', 1)[0]}?${stringify({ ...(query as Fields as Record<string, string>), cursor })}`;
}
