import { type MemoryBroker, type MemoryTransport, memoryBroker } from '../../bus/transports/memory.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import type { Transport } from '../../bus/transports/transport.ts';
import { proxyTo } from './proxy.ts';

export interface TransportBed {
  connect(user: string): Promise<Transport>;
  /** Cuts every connection, or one; the returned function lets them come back. */
  cut(only?: Transport): () => void;
  close(): Promise<void>;
}

export async function memoryTransports(): Promise<TransportBed & { readonly broker: MemoryBroker }> {
  const broker = memoryBroker();
  const open: MemoryTransport[] = [];
  return {
    broker,
    connect: async (user) => {
      const transport = broker.connect(user);
      open.push(transport);
      return transport;
    },
    cut: (only) => {
      const cut = open.filter((transport) => only === undefined || transport === only);
      for (const transport of cut) transport.disconnect();
      return () => {
        for (const transport of cut) transport.reconnect();
      };
    },
    close: async () => {},
  };
}
/** Each connection through a proxy of its own, so that it can be cut while the server lives. */
export async function natsTransports(server: string): Promise<TransportBed> {
  const proxies = new Map<Transport, Awaited<ReturnType<typeof proxyTo>>>();
  return {
    async connect(user) {
      const proxy = await proxyTo(server);
      const transport = await connectNats({ servers: proxy.url, name: user, inboxUser: user });
      proxies.set(transport, proxy);
      return transport;
    },
    cut: (only) => {
      const cut = [...proxies].flatMap(([transport, proxy]) => (only === undefined || only === transport ? [proxy] : []));
      for (const proxy of cut) proxy.cut();
      return () => {
        for (const proxy of cut) proxy.restore();
      };
    },
    close: async () => {
      await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
    },
  };
}
