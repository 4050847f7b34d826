import { memoryCache } from '../adapters/cache/memory.ts';
import { openStore } from '../adapters/store/index.ts';
import { createBus } from '../bus/bus.ts';
import { startRuntime } from '../bus/durable/runtime.ts';
import { transactions } from '../bus/durable/transaction.ts';
import type { Service } from '../bus/service.ts';
import { memoryBroker } from '../bus/transports/memory.ts';
import { lookup } from '../config/env.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Connected } from '../runtime/client.ts';
import { secretKeyFrom } from '../runtime/secret-key.ts';

const log = { debug: () => {}, info: () => {}, warn: console.warn, error: console.error };

/**
 * Serves in this process, on a bus in memory with the journal of the system. The system's own bus has a user for each folder
 * of services/ and lets nobody else serve.
 */
export async function serveHere(folder: string, service: Service): Promise<Connected> {
  const url = lookup('DATABASE_URL');
  if (url === undefined) throw new PolybError('failed_precondition', 'DATABASE_URL is not set; run polyb up first.');
  const store = openStore({ url, name: `example ${folder}`, log });
  const broker = memoryBroker();
  const bus = createBus({ transport: broker.connect(folder), name: folder, uses: service.uses, log });
  const kept = transactions({ store, bus, log });
  const settings = service.settings.parse({});
  const running = await service.make({
    settings,
    vendors: {},
    bus,
    db: store,
    cache: memoryCache({ now: Date.now }),
    secretKey: secretKeyFrom(undefined),
    log,
    metrics: bus.metrics,
    now: Date.now,
  });
  const parts = { name: folder, serves: service.serves, running, bus, store, transactions: kept, log };
  const runtime = await startRuntime({ ...parts, keepDays: 30, blankAfterDays: 7 });
  const client = createBus({ transport: broker.connect('operator'), name: 'operator', log });
  return {
    bus: client,
    async [Symbol.asyncDispose]() {
      await runtime.stop(5_000);
      await Promise.all([client.close(), bus.close()]);
      await store.journal.announceLoops(folder, []); // nobody runs them any more
      await store.close();
    },
  };
}
