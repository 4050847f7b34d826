/** Durable events: each consumer handles each event once and in order; its cursor moves in the handler's transaction. */
import { randomUUID } from 'node:crypto';
import type { Event } from '../../contracts/kit/define.ts';
import { isStoreFailure, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { eventDuration, eventsConsumed } from '../../contracts/metrics.ts';
import type { BusHost } from '../bus.ts';
import { redactError } from '../server/redact-error.ts';
import type { Consumer, Log, Turn, Tx } from '../service.ts';
import type { NewRecord } from '../telemetry/records.ts';
import { randomHex } from '../wire/ids.ts';
import { spanIdOf, traceIdOf } from '../wire/trace.ts';
import { newId } from './identity.ts';
import { rowError } from './outcome.ts';
import type { EventRow, Store } from './store.ts';
import type { Origin, Transactions } from './transaction.ts';

/** Events handled in one transaction, unless one of them fails. */
const batch = 50;

/** `call-orchestrator@telephony.leg_changed`: the cursor's name, and the method of its dead letters. `as` distinguishes it from others of the service. */
export const consumerName = (service: string, event: Pick<Event, 'address'>, as?: string): string =>
  `${service}@${event.address}${as === undefined ? '' : `#${as}`}`;

/** Logged by the process that renumbered. */
export const renumbered = 'the database was moved here from another PostgreSQL cluster: events and consumers were renumbered';

/** One turn of a consumer, which must be registered: handles the events after its cursor. */
export function consumerTurn({
  name,
  consumer,
  store,
  transactions,
  log,
  bus,
  idleMs,
  holder,
  leaseMs,
}: {
  /** Name of the cursor. */
  name: string;
  consumer: Consumer;
  store: Store;
  transactions: Transactions;
  log: Log;
  bus: Pick<BusHost, 'metrics' | 'record'>;
  /** Sleep of its loop; a failed event is retried after a tenth of it, at the latest after sixty times of it. */
  idleMs: number;
  /** Names this process. */
  holder: string;
  /** A holder that does not renew its lease within this time counts as gone. */
  leaseMs: number;
}): Turn {
  const { consumes: event, giveUpAfter = null } = consumer;
  let token = '';
  /** Number of events still handled one by one, because one of their batch failed. */
  let alone = 0;
  /** The event at the cursor failed alone; until it is over, it is not handled in company again. */
  let isFailing = false;

  const handle = async (row: EventRow, tx: Tx): Promise<void> => {
    try {
      await consumer.handle(event.payload === undefined ? row.payload : event.payload.parse(row.payload), tx);
    } catch (thrown) {
      throw redactError(thrown, event.payload, row.payload);
    }
  };
  const labels = { messaging_destination_template: event.address };
  /** Measures the handling in its transaction; a failure, which undoes the transaction, at once. Returns the record of a success. */
  const measured = async (row: EventRow, tx: Tx): Promise<NewRecord> => {
    const at = Date.now();
    const began = performance.now();
    const ended = (): Omit<NewRecord, 'code'> => ({
      at,
      ms: performance.now() - began,
      side: 'consumer',
      address: event.address,
      caller: event.service,
      traceId: traceIdOf(row.traceparent ?? ''),
      spanId: randomHex(16),
      parentId: spanIdOf(row.traceparent ?? ''),
    });
    try {
      await handle(row, tx);
    } catch (thrown) {
      const { code, reason, outcome } = toPolybError(thrown);
      const record = { ...ended(), code, outcome, ...(reason === undefined ? {} : { reason }) };
      bus.metrics.observe(eventDuration, { ...labels, error_type: code }, record.ms / 1000);
      bus.record(record);
      throw thrown;
    }
    const record = ended();
    tx.observe(eventDuration, { ...labels, error_type: '' }, record.ms / 1000);
    tx.count(eventsConsumed, labels);
    return { ...record, code: 'ok' };
  };
  async function handleAll(rows: readonly EventRow[], last: EventRow): Promise<void> {
    const origin: Origin = { traceparent: null };
    const handled: NewRecord[] = [];
    const renewal = setInterval(
      () =>
        void store.journal
          .renewEvents(name, token, leaseMs)
          .catch((err: unknown) => log.warn({ err, consumer: name }, 'a lease could not be renewed')),
      leaseMs / 4,
    );
    try {
      await transactions.run(origin, async (tx) => {
        for (const row of rows) {
          origin.traceparent = row.traceparent;
          handled.push(await measured(row, tx));
        }
        // Rolls back: another holder has handled these events, or will.
        if (!(await store.journal.advance(tx, name, last, token)))
          throw new PolybError('unavailable', `The events of ${name} were taken over.`, { reason: 'lease_lost' });
      });
      for (const record of handled) bus.record(record);
    } finally {
      clearInterval(renewal);
    }
  }

  return async () => {
    const lease = { token: `${holder} ${randomUUID()}`, was: token, leaseMs, deadId: newId('row') };
    let rows: Awaited<ReturnType<Store['journal']['takeEvents']>>;
    try {
      rows = await store.journal.takeEvents(name, event.address, lease, alone > 0 ? 1 : batch);
    } catch (thrown) {
      if (toPolybError(thrown).reason !== 'another_cluster') throw thrown;
      if (!(await store.journal.renumber())) return 'idle'; // another process did it
      log.warn({ consumer: name }, renumbered);
      return 'more';
    }
    const last = rows.at(-1);
    if (last === undefined) {
      if (!isFailing) alone = 0;
      return 'idle';
    }
    token = lease.token;
    try {
      await handleAll(rows, last);
      const isFull = rows.length === batch || alone > 0 || rows.some(({ isAlone }) => isAlone);
      alone = Math.max(0, alone - 1);
      isFailing = false;
      return isFull ? 'more' : 'idle';
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (isStoreFailure(error)) throw error;
      if (error.reason === 'lease_lost') {
        log.warn({ consumer: name }, 'processing events took longer than their lease, and another instance took them over');
        return 'idle';
      }
      // One by one from here, so that events before the failing one are kept.
      if (rows.length > 1) {
        alone = rows.length;
        return 'more';
      }
      isFailing = true;
      alone = Math.max(1, alone);
      const failures = await store.journal.recordFailure(name, token, {
        firstMs: idleMs / 10,
        lastMs: idleMs * 60,
        giveUpAfter,
        error: `${error.code}: ${error.message}`.slice(0, 1900),
      });
      log.warn({ err: thrown, consumer: name, failures, giveUpAfter }, 'an event could not be processed');
      if (giveUpAfter === null || failures < giveUpAfter) return 'idle';
      await putAside(rowError(error));
      isFailing = false;
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
