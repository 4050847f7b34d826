import { type MemoryBroker, type MemoryTransport, memoryBroker } from '../../bus/transports/memory.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import type { Transport } from '../../bus/transports/transport.ts';
import { proxyTo } from './proxy.ts';

export interface TransportBed {
  connect(user: string): Promise<Transport>;
  /** Cuts every connection; the returned function lets them come back. */
  cut(): () => void;
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
export async function natsTransports(server: string): Promise<TransportBed> {
  const proxy = await proxyTo(server);
  return {
    connect: (user) => connectNats({ servers: proxy.url, name: user, inboxUser: user }),
    cut: () => {
      proxy.cut();
      return proxy.restore;
    },
    close: proxy.close,
  };
}
