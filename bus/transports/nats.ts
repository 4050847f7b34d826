import { setTimeout as wait } from 'node:timers/promises';
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  headers as newHeaders,
  nkeyAuthenticator,
  PermissionViolationError,
} from '@nats-io/transport-node';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Log } from '../../contracts/kit/ports.ts';
import { instanceId } from '../wire/ids.ts';
import { type Arrived, addTo, notConnected, type Subscription, type Transport, tooLarge } from './transport.ts';

export interface NatsOptions {
  readonly servers: string | string[];
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  /** Instead of user and pass. */
  readonly nkeySeed?: string | undefined;
  /** The connection's name at the server: the service's folder. */
  readonly name: string;
  /** The user token of the inbox, which permissions bind. */
  readonly inboxUser: string;
  readonly log?: Log | undefined;
  /** Stops connecting; does not close an open connection. */
  readonly signal?: AbortSignal | undefined;
  /** How long the first connection may take; 2000. */
  readonly timeoutMs?: number | undefined;
  /** Retries until `signal`, for a daemon that may start before its server. */
  readonly patient?: boolean | undefined;
}

/** One connection, kept for ever: it pings every 5 s and reconnects within 100 to 500 ms of the server's return.
 *  @throws PolybError unavailable/not_connected; unauthenticated. */
export async function connectNats(options: NatsOptions): Promise<Transport> {
  for (;;) {
    try {
      return transportOf(await dial(options), options);
    } catch (thrown) {
      const refused = connectError(thrown, options);
      if (!options.patient || refused.code !== 'unavailable' || options.signal?.aborted) throw refused;
      options.log?.warn({ servers: serversText(options) }, 'waiting for the NATS server');
      await wait(100 + Math.random() * 400, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {
        throw refused; // the signal fired: the cause of the wait is more useful
      });
    }
  }
}

async function dial({ servers, user, pass, nkeySeed, name, signal, timeoutMs = 2000 }: NatsOptions): Promise<NatsConnection> {
  signal?.throwIfAborted();
  const dialling = connect({
    servers,
    name,
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(nkeySeed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(nkeySeed)) }),
    noAsyncTraces: true,
    pingInterval: 5000,
    maxPingOut: 2,
    reconnectTimeWait: 100,
    reconnectJitter: 400,
    reconnectJitterTLS: 400,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    timeout: timeoutMs,
  } satisfies ConnectionOptions);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TypeError(`no reply within ${timeoutMs} ms`)), timeoutMs);
  const abort = (): void => late.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([dialling, late.promise]);
  } catch (thrown) {
    void dialling.then((connection) => connection.close()).catch(() => {}); // failed already, or connected too late
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function connectError(cause: unknown, options: NatsOptions): PolybError {
  return cause instanceof AuthorizationError
    ? new PolybError('unauthenticated', `The NATS server at ${serversText(options)} does not accept the user ${options.user ?? 'given'}.`, {
        cause,
      })
    : new PolybError('unavailable', `No NATS server responds at ${serversText(options)}; start it with \`polyb up\`, or set NATS_URL.`, {
        reason: 'not_connected',
        cause,
      });
}
/** Without a password. */
function serversText({ servers }: NatsOptions): string {
  return [servers]
    .flat()
    .map((server) => server.replace(/\/\/[^@/]*@/, '//'))
    .join(', ');
}
function transportOf(connection: NatsConnection, { inboxUser, log }: NatsOptions): Transport {
  let connected = true;
  let closing = false;
  let maxPayload = connection.info?.max_payload ?? 1_048_576;
  const connectionListeners = new Set<(connected: boolean) => void>();
  const refusedListeners = new Set<(subject: string) => void>();

  const guarded = <T>(listen: (value: T) => void, value: T): void => {
    try {
      listen(value);
    } catch (err) {
      log?.error({ err }, 'a listener of the bus connection failed');
    }
  };
  const report = (now: boolean): void => {
    if (connected === now) return;
    connected = now;
    for (const listen of connectionListeners) guarded(listen, now);
  };
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection' || status.type === 'close') report(false);
      else if (status.type === 'reconnect') {
        // The round trip proves that the server has the subscriptions, which the client repeats first.
        const restored = await connection.flush().then(
          () => true,
          () => false, // dropped again: another `reconnect` will follow
        );
        maxPayload = connection.info?.max_payload ?? maxPayload;
        if (restored && !closing) report(true);
      } else if (status.type === 'error') {
        const { error } = status;
        if (!(error instanceof PermissionViolationError)) log?.warn({ err: error }, 'the NATS server reported an error');
        else if (error.operation === 'publish') {
          log?.warn({ subject: error.subject }, 'the bus user may not publish to this subject');
          for (const listen of refusedListeners) guarded(listen, error.subject);
        } // a refused subscription reports it itself
      }
    }
  })();
  void connection.closed().then(() => report(false));

  const withHeaders: { headers?: ReturnType<typeof headersOut>; reply?: string } = {};
  const withReply: { reply?: string } = {};
  return {
    get connected() {
      return connected;
    },
    get maxPayload() {
      return maxPayload;
    },
    get backlogBytes() {
      return backlogOf(connection);
    },
    user: inboxUser,
    inbox: `_INBOX.${inboxUser}.${instanceId()}`,
    publish(subject, data, headers = '', reply = '') {
      if (!connected) throw notConnected();
      const body = typeof data === 'string' ? Buffer.from(data) : data;
      if (headers === '') {
        if (body.length > maxPayload) throw tooLarge(body.length, maxPayload);
        withReply.reply = reply;
        connection.publish(subject, body, withReply); // the client reads its options synchronously, so one object serves all calls
        return;
      }
      const block = Buffer.from(headers, 'latin1');
      if (body.length + block.length > maxPayload) throw tooLarge(body.length + block.length, maxPayload);
      withHeaders.reply = reply;
      withHeaders.headers = headersOut(block);
      connection.publish(subject, body, withHeaders);
    },
    subscribe(subject, deliver, { queue, onError } = {}): Subscription {
      const subscription = connection.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error: Error | null, message: Msg) => {
          try {
            if (error === null) deliver(arrived(message));
            else if (onError !== undefined) onError(refusedSubscription(subject, error));
            else log?.error({ err: error, subject }, 'a bus subscription ended');
          } catch (err) {
            log?.error({ err, subject }, 'a bus subscription failed on a message');
          }
        },
      });
      return {
        drain: async () => {
          if (subscription.isClosed() || connection.isClosed()) return;
          await subscription.drain();
        },
        unsubscribe: () => {
          if (!subscription.isClosed() && !connection.isClosed()) subscription.unsubscribe();
        },
      };
    },
    onConnection: (listen) => addTo(connectionListeners, listen),
    onRefused: (listen) => addTo(refusedListeners, listen),
    async flush() {
      if (!connected) throw notConnected();
      try {
        await connection.flush();
      } catch (cause) {
        throw new PolybError('upstream_failed', 'The bus connection dropped before everything was sent.', {
          reason: 'connection_lost',
          cause,
        });
      }
    },
    async rtt() {
      const start = performance.now();
      await this.flush();
      return performance.now() - start;
    },
    async close() {
      closing = true;
      if (!connection.isClosed()) await connection.close();
      report(false);
    },
  };
}
function refusedSubscription(subject: string, cause: Error): PolybError {
  return cause instanceof PermissionViolationError
    ? new PolybError('permission_denied', `The bus user may not subscribe to ${subject}.`, { cause })
    : new PolybError('upstream_failed', `The subscription to ${subject} ended.`, { cause });
}

/*
 * Only this file bypasses the public API of the client, which would cost half of a call's time: header blocks are text instead of a
 * map, and subjects are read without a TextDecoder. `nats-wire.test.ts` pins the internals; where a client differs, the public API
 * is used.
 */
interface RawMsg {
  readonly _msg?: { readonly subject: Uint8Array; readonly reply?: Uint8Array; readonly hdr: number };
  readonly _rdata?: Uint8Array;
}
interface RawConnection {
  readonly protocol?: {
    readonly outbound?: { size?(): number };
    readonly transport?: { readonly socket?: { readonly writableLength?: number } };
  };
}
/** What the client and its socket hold; 0 if this client does not show it. */
export function backlogOf(connection: NatsConnection): number {
  const { protocol } = connection as RawConnection;
  return (protocol?.outbound?.size?.() ?? 0) + (protocol?.transport?.socket?.writableLength ?? 0);
}
const asLatin1 = Buffer.prototype.latin1Slice as (this: Uint8Array, from: number, to: number) => string;

/** True when the client encodes headers by calling `encode()`, so that any object with that method works. */
export const rawHeadersOut = typeof (newHeaders() as { encode?: unknown }).encode === 'function';
/** True when a message exposes its bytes as the parser cut them. */
export function isRaw(message: Msg): boolean {
  const { _msg, _rdata } = message as unknown as RawMsg;
  return _rdata instanceof Uint8Array && _msg?.subject instanceof Uint8Array && typeof _msg.hdr === 'number';
}

/** Headers for `publish()` from a block of text in latin1. */
export function headersOut(block: Buffer): MsgHdrs {
  return rawHeadersOut ? ({ encode: () => block } as unknown as MsgHdrs) : publicHeaders(block.toString('latin1'));
}
export function publicHeaders(block: string): MsgHdrs {
  const headers = newHeaders();
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

export function arrived(message: Msg): Arrived {
  if (!isRaw(message)) return publicArrived(message);
  const { _msg: at, _rdata: bytes } = message as unknown as Required<RawMsg>;
  const { subject, reply, hdr } = at;
  return {
    subject: asLatin1.call(subject, 0, subject.length),
    reply: reply === undefined ? '' : asLatin1.call(reply, 0, reply.length),
    data: hdr > 0 ? bytes.subarray(hdr) : bytes,
    headers: hdr > 0 ? asLatin1.call(bytes, 0, hdr) : '',
  };
}
export function publicArrived(message: Msg): Arrived {
  const { headers } = message;
  return {
    subject: message.subject,
    reply: message.reply ?? '',
    data: message.data,
    headers: headers === undefined ? '' : blockOf(headers),
  };
}
function blockOf(headers: MsgHdrs): string {
  const lines = headers.keys().flatMap((name) => headers.values(name).map((value) => `${name}: ${value}\r\n`));
  return `NATS/1.0${headers.code === 0 ? '' : ` ${headers.code} ${headers.description}`}\r\n${lines.join('')}\r\n`;
}
