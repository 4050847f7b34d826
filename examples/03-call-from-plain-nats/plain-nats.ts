/** As much of the NATS protocol as a call needs. Any language with a TCP socket and JSON can do the same. */
import { connect } from 'node:net';

export interface Reply {
  /** `NATS/1.0` and the lines after it, or nothing. */
  readonly headers: string;
  readonly body: string;
}

export function plainNats(url: string, waitMs = 10_000) {
  const { hostname, port } = new URL(url);
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const waiting = new Map<string, PromiseWithResolvers<Reply>>();
  const fail = (error: Error) => waiting.forEach(({ reject }) => void reject(error));
  const socket = connect(Number(port || 4222), hostname);
  socket.on('error', fail).on('close', () => fail(new Error('the connection is closed')));
  // One character a byte: the protocol counts in bytes.
  socket.setEncoding('latin1').write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n');

  let unread = '';
  let sent = 0;
  socket.on('data', (text) => {
    unread += text;
    for (let end = unread.indexOf('\r\n'); end >= 0; end = unread.indexOf('\r\n')) {
      const line = unread.slice(0, end);
      const [, sid = '', headerBytes = 0, bytes] = /^H?MSG \S+ (\d+) (?:(\d+) )?(\d+)$/.exec(line) ?? [];
      const [from, to] = [end + 2, end + 2 + Number(bytes)];
      if (unread.length < to + 2) return;
      if (line === 'PING') socket.write('PONG\r\n');
      if (line.startsWith('-ERR')) socket.destroy(new Error(line));
      const cut = from + Number(headerBytes);
      const body = Buffer.from(unread.slice(cut, to), 'latin1').toString();
      waiting.get(sid)?.resolve({ headers: unread.slice(from, cut).trim(), body });
      unread = unread.slice(bytes === undefined ? from : to + 2);
    }
  });

  return {
    async request(subject: string, headers: Readonly<Record<string, string>>, body: string): Promise<Reply> {
      const sid = String(++sent);
      const reply = Promise.withResolvers<Reply>();
      const timer = setTimeout(() => reply.reject(new Error(`no reply came within ${waitMs} ms`)), waitMs);
      waiting.set(sid, reply);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const head = Buffer.from(`NATS/1.0\r\n${lines.join('')}\r\n`);
      const data = Buffer.from(body);
      socket.write(`SUB ${inbox}.${sid} ${sid}\r\nUNSUB ${sid} 1\r\n`);
      socket.write(`HPUB ${subject} ${inbox}.${sid} ${head.length} ${head.length + data.length}\r\n${head}${data}\r\n`);
      try {
        return await reply.promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(sid);
      }
    },
    close: () => void socket.destroy(),
  };
}
