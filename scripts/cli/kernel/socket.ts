/**
 * A NATS connection for one question, over a plain socket: loading the client library takes longer than all else that `polyb call` does.
 * No TLS, no reconnect, no tokens or keys; `dialSocket` answers undefined where those are wanted or anything is unusual, and the library serves.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { type Arrived, addTo, notConnected, type Transport, tooLarge } from '../../../bus/transports/transport.ts';
import { instanceId } from '../../../bus/wire/ids.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { otherSystem } from '../../../runtime/own-server.ts';

export interface SocketOptions {
  readonly server: string;
  readonly user: string | undefined;
  readonly pass: string | undefined;
  /** Shown by the server beside the connection. */
  readonly name: string;
  readonly inboxUser: string;
  readonly timeoutMs: number;
  /** The name that the server must have before it is shown the password; undefined for a server that we did not start. */
  readonly system?: string | undefined;
}
interface ServerInfo {
  readonly server_name?: string;
  readonly max_payload?: number;
  readonly headers?: boolean;
  readonly tls_required?: boolean;
}
interface Listener {
  readonly deliver: (message: Arrived) => void;
  readonly onError: ((error: Error) => void) | undefined;
  readonly subject: string;
}
/** `other`: the server is of another system. */
type Greeting = 'fine' | 'odd' | 'other';
type Login = { readonly host: string; readonly port: number; readonly user?: string; readonly pass?: string };

/** @throws PolybError unavailable/other_system when the server has another name than `system`. */
export async function dialSocket(options: SocketOptions): Promise<Transport | undefined> {
  const login = loginOf(options);
  if (login === undefined) return undefined;
  const socket = connectTcp({ host: login.host, port: login.port, noDelay: true });
  const greeted = Promise.withResolvers<Greeting>();
  socket.on('error', () => greeted.resolve('odd')).on('close', () => greeted.resolve('odd'));
  const timer = setTimeout(() => greeted.resolve('odd'), options.timeoutMs);
  const transport = speak(socket, login, options, greeted.resolve);
  const greeting = await greeted.promise;
  clearTimeout(timer);
  if (greeting === 'fine') return transport;
  socket.destroy();
  if (greeting === 'other') throw otherSystem(options.server);
  return undefined;
}

function loginOf({ server, user, pass }: SocketOptions): Login | undefined {
  const url = URL.parse(server.includes('://') ? server : `nats://${server}`);
  if (url === null || url.protocol !== 'nats:' || url.hostname === '' || (url.username !== '' && url.password === '')) return undefined;
  const name = user ?? decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 4222 : Number(url.port),
    ...(name !== '' && { user: name, pass: pass ?? decodeURIComponent(url.password) }),
  };
}

function speak(socket: Socket, { user, pass }: Login, options: SocketOptions, greeted: (greeting: Greeting) => void): Transport {
  const listeners = new Map<number, Listener>();
  const waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const onDropped = new Set<(connected: boolean) => void>();
  const onRefused = new Set<(subject: string) => void>();
  let info: ServerInfo = {};
  let connected = false;
  let nextSid = 1;
  let unread: Buffer = Buffer.alloc(0);

  socket.on('data', (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    for (let used = readOne(); used > 0; used = readOne()) unread = unread.subarray(used);
  });
  socket.on('close', () => {
    for (const { reject } of waiting.splice(0))
      reject(new PolybError('upstream_failed', 'The bus connection dropped before everything was sent.', { reason: 'connection_lost' }));
    if (!connected) return;
    connected = false;
    for (const listen of onDropped) listen(false);
  });

  /** Takes one message of the server; the bytes it took, 0 when it has not come whole. */
  function readOne(): number {
    const end = unread.indexOf('\r\n');
    if (end < 0) return 0;
    const [verb = '', ...words] = unread.toString('latin1', 0, end).split(' ');
    switch (verb.toUpperCase()) {
      case 'MSG':
      case 'HMSG': {
        const total = Number(words.at(-1));
        if (unread.length < end + 2 + total + 2) return 0;
        deliver(words, unread.subarray(end + 2, end + 2 + total), verb.length === 4 ? Number(words.at(-2)) : 0);
        return end + 2 + total + 2;
      }
      case 'PING':
        socket.write('PONG\r\n');
        break;
      case 'PONG':
        waiting.shift()?.resolve();
        break;
      case 'INFO':
        greet(JSON.parse(unread.toString('utf8', 5, end)) as ServerInfo);
        break;
      case '-ERR':
        refused(unread.toString('latin1', 5, end));
        break;
    }
    return end + 2;
  }

  function deliver(words: readonly string[], body: Buffer, headerBytes: number): void {
    const [subject = '', sid = ''] = words;
    const reply = words.length === (headerBytes > 0 ? 5 : 4) ? (words[2] ?? '') : '';
    // A copy: the caller may keep it, and the buffer behind it is the socket's.
    const bytes = new Uint8Array(body);
    listeners.get(Number(sid))?.deliver({
      subject,
      reply,
      data: bytes.subarray(headerBytes),
      headers: headerBytes > 0 ? body.toString('latin1', 0, headerBytes) : '',
    });
  }

  function greet(told: ServerInfo): void {
    const isFirst = info.max_payload === undefined;
    info = told;
    if (!isFirst) return;
    const isOther = options.system !== undefined && told.server_name !== options.system;
    if (isOther || told.tls_required || !told.headers) {
      greeted(isOther ? 'other' : 'odd');
      return;
    }
    const login = { ...(user !== undefined && { user, pass }), name: options.name, lang: 'node', version: '1', protocol: 1 };
    socket.write(`CONNECT ${JSON.stringify({ ...login, verbose: false, pedantic: false, headers: true, no_responders: true })}\r\n`);
    void flush().then(
      () => {
        connected = true;
        greeted('fine');
      },
      () => greeted('odd'),
    );
  }

  function refused(text: string): void {
    const [, operation, subject = ''] = /Permissions Violation for (\w+)(?: to)? "([^"]+)"/i.exec(text) ?? [];
    if (operation === undefined) return; // the server closes the connection after any other error
    if (operation.toLowerCase() === 'publish') for (const listen of onRefused) listen(subject);
    else
      for (const one of listeners.values())
        if (one.subject === subject) one.onError?.(new PolybError('permission_denied', `The bus user may not subscribe to ${subject}.`));
  }

  /** A space would end the subject and begin another word of the protocol. */
  function checked(subject: string): string {
    if (subject !== '' && /^[\x21-\x7e]+$/.test(subject)) return subject;
    throw new PolybError('invalid_argument', `"${subject}" is not a subject: expected words between dots, without spaces.`);
  }

  function flush(): Promise<void> {
    const pong = Promise.withResolvers<void>();
    waiting.push(pong);
    socket.write('PING\r\n');
    return pong.promise;
  }

  return {
    get connected() {
      return connected;
    },
    get maxPayload() {
      return info.max_payload ?? 1_048_576;
    },
    get backlogBytes() {
      return socket.writableLength;
    },
    user: options.inboxUser,
    inbox: `_INBOX.${options.inboxUser}.${instanceId()}`,
    publish(subject, data, headers = '', reply = '') {
      if (!connected) throw notConnected();
      const body = typeof data === 'string' ? Buffer.from(data) : data;
      const block = Buffer.from(headers, 'latin1');
      const total = block.length + body.length;
      if (total > this.maxPayload) throw tooLarge(total, this.maxPayload);
      const to = reply === '' ? checked(subject) : `${checked(subject)} ${checked(reply)}`;
      const head = block.length === 0 ? `PUB ${to} ${total}\r\n` : `HPUB ${to} ${block.length} ${total}\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), block, body, Buffer.from('\r\n')]));
    },
    subscribe(subject, heard, { queue, onError } = {}) {
      const sid = nextSid++;
      listeners.set(sid, { deliver: heard, onError, subject });
      socket.write(`SUB ${checked(subject)}${queue === undefined ? '' : ` ${queue}`} ${sid}\r\n`);
      const unsubscribe = (): void => {
        if (listeners.delete(sid) && connected) socket.write(`UNSUB ${sid}\r\n`);
      };
      return {
        unsubscribe,
        drain: async () => {
          if (listeners.has(sid) && connected) {
            socket.write(`UNSUB ${sid}\r\n`);
            await flush();
          }
          listeners.delete(sid);
        },
      };
    },
    onConnection: (listen) => addTo(onDropped, listen),
    onRefused: (listen) => addTo(onRefused, listen),
    async flush() {
      if (!connected) throw notConnected();
      await flush();
    },
    async rtt() {
      const start = performance.now();
      await this.flush();
      return performance.now() - start;
    },
    async close() {
      if (socket.destroyed) return;
      await new Promise<void>((done) => {
        socket.once('close', () => done());
        socket.destroySoon();
      });
    },
  };
}
