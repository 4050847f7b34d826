/**
 * The WebSocket server to which gateways connect for the audio of their legs. A path is a secret that is valid for one leg, or for all
 * inbound legs of a gateway; it is opened before the gateway learns it, so that no connection comes too early.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import { text } from '../../config/settings.ts';

const listenForm = /^([\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})(?:-(\d{1,5}))?$/;
export const mediaServerSettings = {
  TELEPHONY_MEDIA_LISTEN: text({
    max: 60,
    like: listenForm,
    expected: 'an address and a port or a range of ports, e.g. 127.0.0.1:8090-8091',
  })
    .default('127.0.0.1:8090-8099')
    .describe('Address at which gateways connect for the audio of their legs. Each instance takes a free port; a restart needs two.'),
  TELEPHONY_MEDIA_URL: text({
    max: 300,
    like: /^wss?:\/\/[^\s/?#]/,
    expected: 'a URL that begins with ws:// or wss://, e.g. wss://media.example/{port}',
  })
    .optional()
    .describe('Public URL of this address; {port} is the port of the instance. Default: ws:// and the address itself.'),
};
export type MediaServerOptions = z.output<z.ZodObject<typeof mediaServerSettings>>;

/** Asterisk ends a call that sends more, and no gateway needs that much. */
const messageBytesMost = 65_500;
const requestBytesMost = 16_384;
/** Unsent bytes after which a gateway counts as stalled: more than two seconds of audio in base64. */
const backlogBytesMost = 64_000;
/** How long a gateway may take to close its side. */
const closeMs = 2_000;

export interface MediaRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}
export interface MediaSocket {
  /** Text or bytes of one message. A gateway that does not read its socket is disconnected. */
  send(message: string | Uint8Array): void;
  /** A repeat has no effect. */
  close(): void;
}
export interface SocketListener {
  message(data: string | Uint8Array): void;
  /** Called once. */
  closed(): void;
}
export interface MediaPath {
  /** Whether the request proves that it comes from the gateway; default: knowing the path is proof enough. */
  readonly isGenuine?: (request: MediaRequest, body: string) => boolean;
  /** A gateway has connected. Null refuses it. */
  readonly connected: (socket: MediaSocket, request: MediaRequest) => SocketListener | null;
  /** A gateway has posted a report; the result is sent back as XML, or as an empty reply. */
  readonly posted?: (body: string, request: MediaRequest) => string | null | Promise<string | null>;
}
export interface OpenPath extends Disposable {
  /** `wss://media.example/3f…` */
  readonly socketUrl: string;
  /** `https://media.example/3f…` */
  readonly httpUrl: string;
}
export interface MediaServer {
  readonly port: number;
  /** @param name the last part of the path; default: random */
  open(path: MediaPath, name?: string): OpenPath;
  close(): Promise<void>;
}

export async function startMediaServer({ TELEPHONY_MEDIA_LISTEN, TELEPHONY_MEDIA_URL }: MediaServerOptions): Promise<MediaServer> {
  const paths = new Map<string, MediaPath>();
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMost, perMessageDeflate: false });

  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head) => {
    connection.on('error', () => connection.destroy()); // The peer is gone, which `close` reports.
    const path = paths.get(nameOf(request));
    const refuse = (status: string): void => void connection.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (path === undefined) return refuse('404 Not Found');
    if (path.isGenuine?.(requestOf(request), '') === false) return refuse('403 Forbidden');
    sockets.handleUpgrade(request, connection, head, (socket) => attach(socket, path, requestOf(request)));
  });
  server.on('request', (request, response) => {
    receive(request, response).catch(() => response.destroy()); // The report could not be handled; the gateway repeats it.
  });
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = paths.get(nameOf(request));
    const reply = (status: number, xml?: string | null): void => {
      if (xml) response.setHeader('content-type', 'text/xml');
      response.writeHead(status).end(xml ?? undefined);
    };
    if (path?.posted === undefined || request.method !== 'POST') return reply(404);
    const body = await bodyOf(request);
    if (body === null) return reply(413);
    if (path.isGenuine?.(requestOf(request), body) === false) return reply(403);
    reply(200, await path.posted(body, requestOf(request)));
  }

  const port = await listen(server, TELEPHONY_MEDIA_LISTEN);
  const [, host = ''] = listenForm.exec(TELEPHONY_MEDIA_LISTEN) ?? [];
  const base = (TELEPHONY_MEDIA_URL ?? `ws://${host}:{port}`).replaceAll('{port}', String(port)).replace(/\/+$/, '');
  return {
    port,
    open(path, name = randomBytes(24).toString('base64url')) {
      paths.set(name, path);
      const socketUrl = `${base}/${name}`;
      return { socketUrl, httpUrl: socketUrl.replace(/^ws/, 'http'), [Symbol.dispose]: () => void paths.delete(name) };
    },
    async close() {
      paths.clear();
      for (const socket of sockets.clients) socket.terminate();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Listens at the first free port. */
async function listen(server: Server, written: string): Promise<number> {
  const [, host = '', from, to = from] = listenForm.exec(written) ?? [];
  for (let port = Number(from); ; port += 1) {
    try {
      server.listen(port, host.replace(/^\[|\]$/g, ''));
      await once(server, 'listening');
      return (server.address() as AddressInfo).port; // A listening TCP server has an address of this type.
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port >= Number(to)) throw thrown;
    }
  }
}

function attach(socket: WebSocket, path: MediaPath, request: MediaRequest): void {
  let listener: SocketListener | null = null;
  socket.on('message', (data: Buffer, isBinary) => listener?.message(isBinary ? data : data.toString('utf8')));
  socket.on('error', () => socket.terminate()); // A protocol violation or an oversized message; `close` follows.
  socket.once('close', () => listener?.closed());
  const end = (): void => {
    socket.close();
    setTimeout(() => socket.terminate(), closeMs).unref();
  };
  listener = path.connected(
    {
      send(message) {
        if (socket.readyState !== socket.OPEN) return;
        if (socket.bufferedAmount > backlogBytesMost) return socket.terminate();
        socket.send(message);
      },
      close: end,
    },
    request,
  );
  if (listener === null) end();
}

/** A proxy may leave a path prefix before the name. */
function nameOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0]?.split('/').at(-1) ?? '';
}
function requestOf({ url = '/', headers }: IncomingMessage): MediaRequest {
  return { url, headers };
}
/** The body; null if it is larger than any report or incomplete. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > requestBytesMost) return null;
      chunks.push(chunk);
    }
  } catch {
    return null; // The gateway has aborted its request.
  }
  return Buffer.concat(chunks).toString('utf8');
}
