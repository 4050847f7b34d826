import { type MemoryBroker, type MemoryTransport, memoryBroker } from '../memory.ts';
import { connectNats } from '../nats.ts';
import type { TransportBed } from '../transport.conformance.ts';
import { proxyTo } from './proxy.ts';

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
    cut: () => {
      for (const transport of open) transport.disconnect();
      return () => {
        for (const transport of open) transport.reconnect();
      };
    },
    close: async () => {},
  };
}
/** Through a proxy, so that the connections can be cut while the server lives. */
export async function natsTransports(): Promise<TransportBed> {
  const proxy = await proxyTo(process.env.NATS_URL as string);
  return {
    connect: (user) => connectNats({ servers: proxy.url, name: user, inboxUser: user }),
    cut: () => {
      proxy.cut();
      return proxy.restore;
    },
    close: proxy.close,
  };
}
