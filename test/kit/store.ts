import { openStore } from '../../adapters/store/index.ts';
import { createBus } from '../../bus/bus.ts';
import { transactions } from '../../bus/durable/transaction.ts';
import type { Commit, Database } from '../../bus/service.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase, testPatienceMs } from './database.ts';

export interface TestStore {
  readonly url: string;
  readonly db: Database;
  /** The transaction of a service; what was emitted and sent in it is kept below once it has committed. */
  readonly commit: Commit;
  readonly emitted: { readonly event: string; readonly payload: unknown }[];
  readonly sent: { readonly method: string; readonly input: unknown; readonly key: string }[];
  /** Closes the connections and removes the database. */
  close(): Promise<void>;
}

/** A fresh database for handlers without a bus around them. */
export async function testStore(): Promise<TestStore> {
  const { url, drop } = await testDatabase();
  const store = openStore({ url, name: 'test', log: quiet, patienceMs: testPatienceMs });
  const bus = createBus({ transport: memoryBroker().connect('test'), name: 'test', log: quiet });
  const { run } = transactions({ store, bus, log: quiet });
  const emitted: TestStore['emitted'] = [];
  const sent: TestStore['sent'] = [];
  const commit: Commit = async (work) => {
    const published: (() => void)[] = [];
    const result = await run({ traceparent: null }, (tx) =>
      work({
        ...tx,
        emit(event, payload) {
          tx.emit(event, payload);
          published.push(() => emitted.push({ event: event.address, payload }));
        },
        send(method, input, options) {
          published.push(() => sent.push({ method: method.address, input, key: options.key }));
          return tx.send(method, input, options);
        },
      }),
    );
    for (const publish of published) publish();
    return result;
  };
  const close = async () => {
    await bus.close();
    await store.close();
    await drop();
  };
  return { url, db: store, commit, emitted, sent, close };
}
