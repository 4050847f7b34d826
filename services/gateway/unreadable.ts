/** Input that cannot be parsed as HTTP: there is no request object, so the reply is written to the socket directly. */
import type { Socket } from 'node:net';
import { PolybError, toProblem } from '../../contracts/kit/errors.ts';

/** By the error codes of Node's parser (nodejs.org/api/errors.html, llhttp). */
const known: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_INVALID_URL: [
    '400 Bad Request',
    "The URL contains a character that must be percent-encoded, as curl -G --data-urlencode 'q=цветок' does.",
  ],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are larger than this server accepts.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive completely in time.'],
};
/** Time to read the reply. If the socket closed at once, bytes still arriving could destroy the reply. */
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
  // A peer that never ends its side would hold the connection for ever: no other deadline applies.
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
