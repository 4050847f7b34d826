/** What cannot be read as HTTP: there is no request to answer, so the socket is told by hand. */
import type { Socket } from 'node:net';
import { PolybError, toProblem } from '../../contracts/kit/errors.ts';

/** By the codes of Node's parser (nodejs.org/api/errors.html, llhttp). */
const known: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_INVALID_URL: [
    '400 Bad Request',
    "The URL contains a character that must be percent-encoded, as curl -G --data-urlencode 'q=цветок' does.",
  ],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are larger than this server accepts.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive completely in time.'],
};
/** How long the answer may take to be read. Closed at once, it could be lost to bytes that were still coming. */
const lingerMs = 1_000;
const unknown = ['400 Bad Request', 'The request cannot be read as HTTP/1.1.'] as const;

export function answerUnreadable(
  { code = '' }: { readonly code?: string | undefined },
  socket: Pick<Socket, 'writable' | 'end' | 'destroy'>,
): void {
  if (!socket.writable) return;
  const [status, detail] = known[code] ?? unknown;
  const problem = {
    ...toProblem(new PolybError('invalid_argument', detail, { reason: 'unreadable' })),
    status: Number(status.slice(0, 3)),
  };
  const body = Buffer.from(JSON.stringify(problem));
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  // Whoever never ends their side would hold a connection for ever: no other deadline covers it any more.
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
