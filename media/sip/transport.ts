/** Sockets of SIP: UDP, TCP and TLS (RFC 3261, section 18; RFC 3581). Messages are parsed elsewhere. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { createFramer } from './framing.ts';
import type { Protocol, Target } from './locate.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}
/** The origin of a message, and the path back. */
export interface Flow {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  /** Replies over the path of the message; rejects if that is closed. A datagram may go to another port. */
  reply(bytes: Uint8Array, port?: number): Promise<void>;
}

export interface Transports {
  /** The place at which peers reach this instance for a protocol and address family, or null. */
  local(protocol: Protocol, isIpv6: boolean): Place | null;
  /** Sets the receiver of all messages; there is none initially. */
  receive(receiver: (bytes: Uint8Array, flow: Flow) => void): void;
  /** Resolves once the bytes have been sent; rejects if that fails. Reuses a connection to the same place. */
  send(bytes: Uint8Array, target: Target): Promise<void>;
  /** Also receives on a UDP port of a dead instance, until the returned function is called. Null if the port is in use. */
  hearPort(port: number): Promise<(() => Promise<void>) | null>;
  /** Stops listening on shared ports, so that first contacts go to the other instances. Responses are still sent from there. */
  closeShared(): Promise<void>;
  close(): Promise<void>;
}

export interface Listener {
  readonly protocol: Protocol;
  /** An address of this machine; `0.0.0.0` and `::` need `advertised`. */
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Several instances listen here. It is used only for first contacts; later messages go to the instance's own ports. */
  readonly isShared?: boolean;
  /** Given to peers in place of the address and port, for example behind a NAT. */
  readonly advertised?: { readonly host: string; readonly port?: number };
}
export interface TlsSettings {
  /** PEM, for listeners. */
  readonly key?: string;
  readonly cert?: string;
  /** PEM of the trusted authorities, in place of the default ones. */
  readonly ca?: string;
}
export interface TransportOptions {
  readonly listen: readonly Listener[];
  readonly tls?: TlsSettings;
  /** Maximum simultaneous connections from peers for each listener; more are closed at once. */
  readonly maxConnections?: number;
}

const connectMs = 5_000;
/** Time limit for completing a message, and for the first one of a connection. */
const slowMs = 32_000;
const mostUnsentBytes = 1 << 20;
const pong = Buffer.from('\r\n');

interface OpenListener {
  readonly listener: Listener;
  readonly place: Place;
  readonly socket: UdpSocket | null;
  close(): Promise<void>;
}

/** Opens every listener, or none. */
export async function openTransports({ listen, tls = {}, maxConnections = 1_000 }: TransportOptions): Promise<Transports> {
  let receiver: (bytes: Uint8Array, flow: Flow) => void = () => {};
  const connections = new Map<string, Promise<Socket>>();
  const opened: OpenListener[] = [];
  /** Ports of dead instances, with the number of users of each. */
  const heard = new Map<number, { readonly socket: Promise<OpenListener>; count: number }>();
  /** Datagrams not sent yet: closing their socket would drop them. */
  const leaving = new Set<Promise<void>>();
  let isClosed = false;

  function sendDatagram(socket: UdpSocket, bytes: Uint8Array, port: number, address: string): Promise<void> {
    const sent = datagram(socket, bytes, port, address).finally(() => leaving.delete(sent));
    leaving.add(sent);
    return sent;
  }

  const keyOf = (protocol: Protocol, address: string, port: number): string => `${protocol} ${address} ${port}`;

  function carry(socket: Socket, protocol: Protocol, address: string, port: number): void {
    const framer = createFramer();
    const flow: Flow = { protocol, address, port, reply: (bytes) => write(socket, bytes) };
    const giveUp = (): NodeJS.Timeout => setTimeout(() => socket.destroy(), slowMs);
    let slow: NodeJS.Timeout | null = giveUp();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    socket.on('data', (chunk) => {
      const { messages, pings, broken } = framer.push(chunk);
      for (let ping = 0; ping < Math.min(pings, 4); ping += 1) void write(socket, pong).catch(() => {}); // 'close' follows
      for (const message of messages) receiver(message, flow);
      const isWaiting = framer.pending() > 0;
      if (slow && (messages.length > 0 || !isWaiting)) {
        clearTimeout(slow);
        slow = null;
      }
      if (isWaiting) slow ??= giveUp();
      if (broken !== null) socket.destroy();
    });
    // 'close' follows, and later sends are rejected.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (slow) clearTimeout(slow);
    });
  }

  function keep(key: string, socket: Socket): void {
    const kept = Promise.resolve(socket);
    connections.set(key, kept);
    socket.on('close', () => {
      if (connections.get(key) === kept) connections.delete(key);
    });
  }

  function accept(socket: Socket, protocol: Protocol): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined || isClosed) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    keep(keyOf(protocol, address, remotePort), socket);
    carry(socket, protocol, address, remotePort);
  }

  async function openUdp(listener: Listener): Promise<OpenListener> {
    const { address, port, isShared = false } = listener;
    const type = isIPv6(address) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, reusePort: isShared, ipv6Only: type === 'udp6', recvBufferSize: 1 << 20 });
    let isOpen = true;
    socket.on('message', (bytes, from) => {
      const flow: Flow = {
        protocol: 'udp',
        address: from.address,
        port: from.port,
        reply: (back, to = from.port) => (isOpen ? sendDatagram(socket, back, to, from.address) : sendFromClosed(back, to, from.address)),
      };
      receiver(bytes, flow);
    });
    socket.bind(port, address);
    await once(socket, 'listening');
    // An unreachable peer shows by its silence.
    socket.on('error', () => {});
    const bound = socket.address().port;
    return {
      listener,
      place: placeOf(listener, bound),
      socket,
      close() {
        isOpen = false;
        return new Promise((resolve) => socket.close(() => resolve()));
      },
    };
    /**
     * A peer accepts a response only from the address it sent to (RFC 3581, section 4). Messages that arrive here in that moment are lost,
     * and the peer repeats them.
     */
    async function sendFromClosed(back: Uint8Array, to: number, peer: string): Promise<void> {
      if (isClosed || !isShared) throw new Error('the transports are closed');
      const again = createSocket({ type, reusePort: true, ipv6Only: type === 'udp6' });
      again.bind(bound, address);
      try {
        await once(again, 'listening');
        await sendDatagram(again, back, to, peer);
      } finally {
        again.close();
      }
    }
  }

  async function openStream(listener: Listener): Promise<OpenListener> {
    const { protocol, address, port, isShared = false } = listener;
    const { key, cert } = tls;
    if (protocol === 'tls' && (key === undefined || cert === undefined))
      throw new TypeError('a TLS listener needs a key and a certificate');
    const server: Server =
      protocol === 'tls'
        ? createTlsServer({ key, cert, handshakeTimeout: connectMs }, (socket) => accept(socket, protocol))
        : createServer((socket) => accept(socket, protocol));
    server.maxConnections = maxConnections;
    // A failed handshake closes its own connection.
    server.on('tlsClientError', () => {});
    server.listen({ host: address, port, reusePort: isShared, ipv6Only: isIPv6(address) });
    await once(server, 'listening');
    const bound = server.address();
    const place = placeOf(listener, typeof bound === 'object' && bound !== null ? bound.port : port);
    return { listener, place, socket: null, close: () => new Promise((resolve) => server.close(() => resolve())) };
  }

  function connectTo({ protocol, address, port, host }: Target): Promise<Socket> {
    const key = keyOf(protocol, address, port);
    const known = connections.get(key);
    if (known !== undefined) return known;
    const socket =
      protocol === 'tls'
        ? connectTls({
            host: address,
            port,
            servername: /^[\d.:]+$/.test(host) ? '' : host,
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          })
        : connect({ host: address, port });
    carry(socket, protocol, address, port);
    const ready = once(socket, protocol === 'tls' ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(connectMs) }).then(
      () => socket,
    );
    connections.set(key, ready);
    const forget = (): void => {
      if (connections.get(key) === ready) connections.delete(key);
    };
    socket.on('close', forget);
    ready.catch(() => {
      forget();
      socket.destroy();
    });
    return ready;
  }

  try {
    for (const listener of listen) opened.push(await (listener.protocol === 'udp' ? openUdp(listener) : openStream(listener)));
  } catch (error) {
    await Promise.all(opened.map((each) => each.close()));
    throw error;
  }

  const ownOf = (protocol: Protocol, ipv6: boolean): OpenListener | undefined => {
    const family = opened.filter(({ listener }) => isIPv6(listener.address) === ipv6);
    const exact = family.filter(({ listener }) => listener.protocol === protocol);
    // Without a listener of its own, a connection serves both directions.
    const fitting = exact.length > 0 || protocol === 'udp' ? exact : family;
    return fitting.find(({ listener }) => listener.isShared !== true) ?? fitting[0];
  };

  return {
    local: (protocol, ipv6) => ownOf(protocol, ipv6)?.place ?? null,
    receive(next) {
      receiver = next;
    },
    async send(bytes, target) {
      if (isClosed) throw new Error('the transports are closed');
      if (target.protocol !== 'udp') return write(await connectTo(target), bytes);
      const socket = ownOf('udp', isIPv6(target.address))?.socket;
      if (!socket) throw new Error(`no UDP listener for ${target.address}`);
      return sendDatagram(socket, bytes, target.port, target.address);
    },
    async hearPort(port) {
      const own = ownOf('udp', false)?.listener ?? ownOf('udp', true)?.listener;
      if (own === undefined || isClosed) return null;
      const one = heard.get(port) ?? { socket: openUdp({ protocol: 'udp', address: own.address, port }), count: 0 };
      heard.set(port, one);
      one.count += 1;
      const leave = async (): Promise<void> => {
        one.count -= 1;
        if (one.count > 0) return;
        if (heard.get(port) === one) heard.delete(port);
        await one.socket.then((socket) => socket.close()).catch(() => {}); // it was never opened
      };
      try {
        await one.socket;
        return leave;
      } catch {
        await leave();
        return null;
      }
    },
    async closeShared() {
      const shared = opened.filter(({ listener }) => listener.isShared === true);
      for (const each of shared) opened.splice(opened.indexOf(each), 1);
      // Not awaited: close waits for the peers' connections, which go on.
      for (const each of shared) void each.close();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      receiver = () => {};
      await Promise.allSettled(leaving);
      const others = [...heard.values()].map(({ socket }) => socket.then((each) => each.close()).catch(() => {}));
      const closing = [...others, ...opened.splice(0).map((each) => each.close())];
      for (const connection of connections.values()) void connection.then((socket) => socket.destroy()).catch(() => {}); // never opened
      await Promise.all(closing);
    },
  };
}

function placeOf({ address, advertised }: Listener, port: number): Place {
  return { host: advertised?.host ?? address, port: advertised?.port ?? port };
}
/** Writes the IPv4-mapped address of a dual-stack socket as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function datagram(socket: UdpSocket, bytes: Uint8Array, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      socket.send(bytes, port, address, (error) => (error ? reject(error) : resolve()));
    } catch (error) {
      reject(error); // a closed socket throws
    }
  });
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed || !socket.writable) return reject(new Error('the connection is closed'));
    // A peer that does not read must not fill the memory.
    if (socket.writableLength > mostUnsentBytes) {
      socket.destroy();
      return reject(new Error('the peer does not read'));
    }
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
