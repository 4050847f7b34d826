/** Durable events: each consumer handles each event once, in order, its cursor moving in the handler's transaction. */
import type { Event } from '../../contracts/define.ts';
import { isStoreFailure, toPolybError } from '../../contracts/errors.ts';
import type { Counting } from '../../contracts/metric.ts';
import { eventDuration, eventsConsumed } from '../../contracts/metrics.ts';
import { discreet } from '../discreet.ts';
import type { Consumer, Log, Turn, Tx } from '../service.ts';
import { newId } from './identity.ts';
import { rowError } from './outcome.ts';
import type { EventRow, Store } from './store.ts';
import type { Origin, Transactions } from './transaction.ts';

/** Failures after which an event is put aside as a dead letter. */
const patience = 8;

/** `call-orchestrator@telephony.leg_changed`: the cursor's name, and the method of its dead letters. */
export const consumerName = (service: string, event: Pick<Event, 'address'>): string => `${service}@${event.address}`;

/** Logged by the process that did it. */
export const renumbered = 'the database was moved here from another PostgreSQL cluster: events and consumers were renumbered';

/** One turn of a consumer: handles what is there. Register the consumer once before. */
export function consumerTurn({
  service,
  consumer,
  store,
  transactions,
  log,
  metrics,
  idleMs,
}: {
  service: string;
  consumer: Consumer;
  store: Store;
  transactions: Transactions;
  log: Log;
  metrics: Counting;
  /** How long its loop sleeps; a failed event is tried again after a tenth of it, at last after five times of it. */
  idleMs: number;
}): Turn {
  const { consumes: event } = consumer;
  const name = consumerName(service, event);
  let atMost = 50;

  const handle = async (row: EventRow, tx: Tx): Promise<void> => {
    try {
      await consumer.handle(event.payload === undefined ? row.payload : event.payload.parse(row.payload), tx);
    } catch (thrown) {
      throw discreet(thrown, event.payload, row.payload);
    }
  };
  const labels = { messaging_destination_template: event.address };
  /** Counted with the transaction that handles it, or as the failure that undoes it. */
  const measured = async (row: EventRow, tx: Tx): Promise<void> => {
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    try {
      await handle(row, tx);
    } catch (thrown) {
      metrics.observe(eventDuration, { ...labels, error_type: toPolybError(thrown).code }, seconds());
      throw thrown;
    }
    tx.observe(eventDuration, { ...labels, error_type: '' }, seconds());
    tx.count(eventsConsumed, labels);
  };
  const step = (): Promise<number> => {
    const origin: Origin = { traceparent: null };
    return transactions.run(origin, async (tx) => {
      const rows = (await store.journal.nextEvents(tx, name, event.address, atMost)) ?? [];
      for (const row of rows) {
        origin.traceparent = row.traceparent;
        await measured(row, tx);
      }
      const last = rows.at(-1);
      if (last !== undefined) await store.journal.advance(tx, name, last);
      return rows.length;
    });
  };

  return async () => {
    try {
      const handled = await step();
      const full = handled === atMost;
      atMost = 50;
      return full ? 'more' : 'idle';
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (isStoreFailure(error)) throw error;
      if (error.reason === 'another_cluster') {
        if (await store.journal.renumber()) log.warn({ consumer: name }, renumbered);
        return 'more';
      }
      // One by one from here, so that the good ones before the bad one are kept.
      if (atMost > 1) {
        atMost = 1;
        return 'more';
      }
      const failures = await store.journal.stumble(name, { firstMs: idleMs / 10, lastMs: idleMs * 5, patience });
      log.warn({ err: thrown, consumer: name, failures }, 'an event could not be handled');
      if (failures < patience) return 'idle';
      await putAside(rowError(error));
      return 'more';
    }
  };

  function putAside(error: ReturnType<typeof rowError>): Promise<void> {
    return transactions.run({ traceparent: null }, async (tx) => {
      const [row] = (await store.journal.nextEvents(tx, name, event.address, 1)) ?? [];
      if (row === undefined) return;
      await store.journal.deadLetter(tx, name, newId('row'), row, error);
      await store.journal.advance(tx, name, row);
    });
  }
}
