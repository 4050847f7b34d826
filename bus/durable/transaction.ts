/** One transaction: rows, events and sends are committed together and announced after the commit. */
import { type Event, type Method, settled } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { eventsSent } from '../../contracts/metrics.ts';
import type { BusHost } from '../bus.ts';
import type { Forgotten, Log, Queries, Tx } from '../service.ts';
import { checkKey } from '../wire/key.ts';
import { hashOf, laneOf, newId, parsed } from './identity.ts';
import type { NewEvent, NewSend, Store } from './store.ts';

/** Announces that a row of this method is queued. It only wakes: the service reads the rows from the journal. */
export function queuedEvent(method: Pick<Method, 'service' | 'name' | 'address' | 'version'>): Event {
  const name = `${method.name}_queued`;
  return {
    kind: 'event',
    service: method.service,
    name,
    address: `${method.service}.${name}`,
    version: method.version,
    summary: 'A row has ended.',
    of: method.address,
    payload: undefined as never,
    key: '',
  };
}

/** The trace of the events and sends of a transaction; a consumer sets it for each event. */
export interface Origin {
  traceparent: string | null;
}
export interface Transactions {
  /** Announces an event now. It only wakes: a failure to announce does not affect what was committed. */
  announce(event: Event, payload: unknown): void;
  /** Runs `work`, stores its events and sends, then runs `last`, all in one transaction; announces them after the commit.
   *  Work without a query, event or send needs no transaction: then `last` gets null. */
  run<T>(origin: Origin, work: (tx: Tx) => Promise<T>, last?: (on: Queries | null, result: T) => Promise<void>): Promise<T>;
}

export function transactions({
  store,
  bus,
  log,
}: {
  store: Store;
  bus: Pick<BusHost, 'name' | 'announce' | 'metrics'>;
  log: Log;
}): Transactions {
  const announce: Transactions['announce'] = (event, payload) => {
    try {
      bus.announce(event, payload);
    } catch (error) {
      log.warn({ err: error, event: event.address }, 'an event was stored but could not be announced; its consumers will find it');
    }
  };
  return {
    announce,
    async run(origin, work, last) {
      const emitted: NewEvent[] = [];
      const sent: NewSend[] = [];
      const outdated: { readonly method: string; readonly keys: readonly string[]; readonly why: string }[] = [];
      const forgotten: Forgotten[] = [];
      const announcements: { event: Event; payload: unknown }[] = [];
      /** Announced once each, however many rows they have. */
      const queued = new Set<Method>();
      const counted: (() => void)[] = [];
      let begun: ReturnType<Store['begin']> | undefined;
      const open = (): ReturnType<Store['begin']> => {
        begun ??= store.begin();
        return begun;
      };
      let isOver = false;
      /** A later use would run outside the transaction, or inside another one. */
      const mustBeOpen = (): void => {
        if (isOver)
          throw new PolybError('internal', `A transaction of ${bus.name} was used after its end; await everything inside it.`, {
            reason: 'transaction_over',
          });
      };
      const tx: Tx = {
        query: async (text, values) => {
          mustBeOpen();
          return (await open()).query(text, values);
        },
        emit(event, payload) {
          mustBeOpen();
          const checked = event.payload.safeParse(payload);
          if (!checked.success)
            throw new PolybError(
              'internal',
              `The payload of ${event.address} does not fit its schema: ${checked.error.issues[0]?.path.join('.')} ${checked.error.issues[0]?.message}`,
            );
          emitted.push({
            event: event.address,
            key: String((checked.data as Record<string, unknown>)[event.key]),
            payload: checked.data,
            traceparent: origin.traceparent,
          });
          announcements.push({ event, payload: checked.data });
        },
        send(method, input, options) {
          mustBeOpen();
          const checked = parsed(method, input);
          checkKey(method.address, options.key);
          const id = newId('row');
          sent.push({
            id,
            method: method.address,
            key: options.key,
            hash: hashOf(method, checked),
            input: checked,
            lane: laneOf(method, checked),
            approval: options.approval ?? method.approval,
            settles: method.settles,
            notBefore: options.notBefore?.getTime() ?? null,
            undoMs: options.undoMs ?? 0,
            approvers: options.approvers ?? 1,
            ttlMs: options.ttlMs ?? method.ttlMs,
            caller: bus.name,
            traceparent: origin.traceparent,
          });
          queued.add(method);
          return id;
        },
        outdate(method, keys, why) {
          mustBeOpen();
          if (keys.length === 0) return;
          outdated.push({ method: method.address, keys, why });
          if (method.settles) announcements.push({ event: settled(method), payload: {} });
        },
        forget: (person) => void forgotten.push(person),
        count: (...what) => void counted.push(() => bus.metrics.count(...what)),
        observe: (...what) => void counted.push(() => bus.metrics.observe(...what)),
      };
      let made: Awaited<ReturnType<typeof work>>;
      try {
        try {
          made = await work(tx);
        } finally {
          isOver = true;
        }
        for (const person of forgotten) await store.journal.forget(await open(), person);
        if (emitted.length > 0) await store.journal.emit(await open(), emitted);
        for (const { method, keys, why } of outdated) await store.journal.markStale(await open(), method, keys, why);
        if (sent.length > 0) {
          const [clash] = await store.journal.send(await open(), sent);
          if (clash !== undefined)
            throw new PolybError('conflict', `A row of ${clash} has this key with another input; use another key.`, {
              reason: 'key_reused',
            });
        }
        await last?.(begun === undefined ? null : await begun, made);
      } catch (thrown) {
        await begun?.then((tx) => tx.rollback()).catch(() => {}); // the first error is more useful
        throw thrown;
      }
      await (await begun)?.commit();
      for (const count of counted) count();
      for (const { event } of emitted) bus.metrics.count(eventsSent, { messaging_destination_template: event });
      for (const { event, payload } of announcements) announce(event, payload);
      for (const method of queued) announce(queuedEvent(method), {});
      return made;
    },
  };
}
