/** Sends OPTIONS to a URI several times and reports each response and its round-trip time. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from './clock.ts';
import type { Credentials } from './digest.ts';
import { locate, type NameService, systemNames } from './locate.ts';
import { openTransports, type TlsSettings } from './transport.ts';
import { parseUri } from './uri.ts';
import { createUserAgent, type Ping } from './user-agent.ts';

export interface PingOptions {
  readonly count: number;
  readonly intervalMs: number;
  readonly credentials?: Credentials;
  readonly tls?: TlsSettings;
  readonly names?: NameService;
  /** Ends it early; a ping under way is then reported as 408. */
  readonly signal: AbortSignal;
}

/** Yields each reply as it arrives. @throws TypeError if `uri` is not a SIP URI or has no address */
export async function* pingUri(
  uri: string,
  { count, intervalMs, credentials, tls, names = systemNames(), signal }: PingOptions,
): AsyncGenerator<Ping> {
  const parsed = parseUri(uri);
  const [target] = parsed ? await locate(parsed, names) : [];
  if (!target)
    throw new TypeError(
      `${uri}: expected a SIP URI of a host with an address, e.g. sip:sip.example.com or sip:192.0.2.1:5060;transport=tcp`,
    );
  const address = await addressTowards(target.address, target.port);
  const transports = await openTransports({ listen: [{ protocol: 'udp', address, port: 0 }], ...(tls ? { tls } : {}) });
  const agent = createUserAgent({ transports, names });
  const stop = (): void => void agent.close(); // a second close does nothing
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let sent = 0; sent < count && !signal.aborted; sent += 1) {
      if (sent > 0) await pause(intervalMs, signal);
      if (signal.aborted) return;
      yield await agent.ping(uri, {
        from: `sip:ping@${address.includes(':') ? `[${address}]` : address}`,
        ...(credentials ? { credentials } : {}),
      });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await agent.close();
  }
}

/** The local address from which the destination is reached; sends nothing. */
async function addressTowards(address: string, port: number): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(ms, done);
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
