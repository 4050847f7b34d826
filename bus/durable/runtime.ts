/** Runs a service on a bus and a store: its methods, consumers, loops and guards, and the journal behind them. */
import type { Entry, Event, Method } from '../../contracts/kit/define.ts';
import { jsonSchema } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { eventsConsumed, runsTotal } from '../../contracts/metrics.ts';
import type { BusHost } from '../bus.ts';
import type { Handlers } from '../call.ts';
import type { Consumer, Log, Loop, Service, Turn } from '../service.ts';
import { consumerName, consumerTurn, renumbered } from './events.ts';
import { createJournal, type Journal } from './journal.ts';
import type { KeyedHandler } from './journal-parts.ts';
import { type RunningLoop, scheduleOf, startLoop } from './loops.ts';
import { isPipeline } from './pipeline.ts';
import { type Masked, retention } from './retention.ts';
import type { Store } from './store.ts';
import { queuedEvent, type Transactions } from './transaction.ts';

export interface RuntimeOptions {
  /** The service's folder. */
  readonly name: string;
  readonly serves: Service['serves'];
  /** The result of the service's `make`. */
  readonly running: Awaited<ReturnType<Service['make']>>;
  readonly bus: BusHost;
  readonly store: Store;
  readonly transactions: Transactions;
  readonly log: Log;
  readonly keepDays: number;
  readonly blankAfterDays: number;
  readonly leaseMs?: number | undefined;
  readonly renewMs?: number | undefined;
  readonly idleMs?: number | undefined;
}
export interface Runtime {
  /** True when the bus is connected and the service's own parts are ready. */
  ready(): Promise<boolean>;
  /** Takes no more work, lets the service drain, waits up to `graceMs` for running work, stops the service's parts. */
  stop(graceMs: number): Promise<void>;
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { name, serves, running, bus, store, transactions, log, idleMs = 1_000 } = options;
  const holder = `${name}#${bus.instance}`;
  const entries: Entry[] = Object.values(serves).flatMap((contract) => Object.values(contract));
  const handlers: Record<string, unknown> = Object.fromEntries(
    Object.entries(serves).flatMap(([contract]) =>
      Object.entries(running[contract] ?? {}).map(([method, handler]) => [`${contractName(serves, contract)}.${method}`, handler]),
    ),
  );
  const keyed = entries
    .filter((entry): entry is Method => entry.kind === 'method' && entry.idempotency === 'keyed')
    .map((method) => ({ method, handler: handlers[method.address] as KeyedHandler }));
  const pipelines = keyed
    .filter(({ handler }) => isPipeline(handler))
    .map(({ handler }) => handler as KeyedHandler & { definition: import('./pipeline.ts').Definition });

  const waits = new Map(
    pipelines.flatMap(({ definition }) =>
      definition.parts.flatMap((part) => (part.kind === 'wait' ? [[part.event.address, part.event] as const] : [])),
    ),
  );
  const consumers = [
    ...(running.on ?? []).map((consumer) => ({ ...consumer, name: consumerName(name, consumer.consumes, consumer.as) })),
    ...[...waits.values()].map((event): Consumer & { readonly name: string } => ({
      name: consumerName(name, event, 'waits'),
      consumes: event,
      handle: async (payload: unknown, tx: Parameters<Store['journal']['wakeWaits']>[0]) => {
        await store.journal.wakeWaits(tx, event.address, String((payload as Record<string, unknown>)[event.key]), payload);
      },
    })),
  ];
  if (await store.journal.renumber()) log.warn({}, renumbered);
  for (const consumer of consumers) {
    if (consumers.some((other) => other !== consumer && other.name === consumer.name))
      throw new PolybError(
        'failed_precondition',
        `${name} consumes ${consumer.consumes.address} twice under one name; name one of them: on(event, handle, { as: 'another' }).`,
        { reason: 'consumed_twice' },
      );
    // Continues at the cursor that waits of pipelines once shared with a consumer, so that they miss no event.
    await store.journal.register(consumer.name, consumer.consumes.address, {
      after: consumerName(name, consumer.consumes),
      fromOldest: consumer.fromOldest === true,
    });
  }

  const journal: Journal = createJournal({
    store,
    bus,
    transactions,
    served: keyed,
    guards: running.guards ?? [],
    consumers: new Map(consumers.map((consumer) => [consumer.name, consumer])),
    holder,
    log,
    leaseMs: options.leaseMs,
    renewMs: options.renewMs,
    idleMs,
  });
  bus.metrics.begin(eventsConsumed, { messaging_destination_template: [...new Set(consumers.map(({ consumes }) => consumes.address))] });
  bus.metrics.begin(runsTotal, { pipeline: pipelines.map(({ definition }) => definition.method.address) });
  const schemas = masks(
    keyed,
    pipelines.flatMap(({ definition }) => definition.parts.flatMap((part) => (part.kind === 'step' ? [part.method] : []))),
    consumers.map(({ name: consumer, consumes }) => ({ name: consumer, event: consumes })),
  );
  /** Wakes the journal after a consumer's transaction, which may have made rows due. */
  const waking =
    (turn: Turn): Turn =>
    async (signal) => {
      const result = await turn(signal);
      journal.wake();
      return result;
    };
  const loops: Loop[] = [
    ...(running.loops ?? []),
    ...consumers.map(
      (consumer): Loop => ({
        name: consumer.name,
        schedule: { idleMs, wakeOn: consumer.consumes },
        only: undefined,
        turn: waking(
          consumerTurn({
            name: consumer.name,
            consumer,
            store,
            transactions,
            log,
            bus,
            idleMs,
            holder,
            leaseMs: options.leaseMs ?? 8_000,
          }),
        ),
      }),
    ),
    retention({ store, keepDays: options.keepDays, blankAfterDays: options.blankAfterDays }),
  ];
  await store.journal.announceLoops(
    name,
    loops.map((loop) => ({
      name: loop.name,
      schedule: `${scheduleOf(loop)}${patienceOf(consumers.find((each) => each.name === loop.name))}`,
    })),
  );
  await store.journal.announceMethods(name, schemas);

  const served = await bus.serve(entries, handlers as Handlers, { keep: journal.keep });
  journal.start();
  const started: RunningLoop[] = loops.map((loop) => startLoop({ loop, service: name, holder, journal: store.journal, log }));
  const hearings = [
    ...keyed.map(({ method }) => bus.hear(queuedEvent(method), () => journal.wake())),
    ...loops.flatMap((loop, index) =>
      'wakeOn' in loop.schedule && loop.schedule.wakeOn !== undefined ? [bus.hear(loop.schedule.wakeOn, () => started[index]?.wake())] : [],
    ),
  ];
  const requests = startLoop({
    loop: {
      name: 'loop requests',
      schedule: { idleMs: 1_000 },
      only: undefined,
      turn: async () => {
        const requested = new Set(await store.journal.requestedLoops(name));
        for (const loop of started) if (requested.has(loop.name)) loop.wake();
        return 'idle';
      },
    },
    service: name,
    holder,
    journal: undefined,
    log,
  });

  let stopping: Promise<void> | undefined;
  return {
    ready: async () => bus.connected && ((await running.ready?.()) ?? true),
    stop: (graceMs) =>
      (stopping ??= (async () => {
        for (const hearing of hearings) hearing[Symbol.dispose]();
        const { drain } = running;
        let until = performance.now() + graceMs;
        const leftMs = (): number => Math.max(0, until - performance.now());
        // An instance that drains for long must not take attempts that it would refuse.
        const release =
          drain &&
          (async () => {
            await journal.drain(leftMs());
            const began = performance.now();
            await drain();
            until += performance.now() - began; // the service limits its own time
          });
        await Promise.all([served.drain({ release, leftMs }), requests.stop(), ...started.map((loop) => loop.stop())]);
        await journal.drain(leftMs());
        await store.journal.releaseLoops(holder).catch((error: unknown) => log.warn({ err: error }, 'loop leases were left to run out'));
        await running.stop?.();
      })()),
  };
}

function patienceOf(consumer: Consumer | undefined): string {
  if (consumer === undefined) return '';
  return `; a failing event: ${consumer.giveUpAfter === undefined ? 'tried without end' : `given up after ${consumer.giveUpAfter} failures`}`;
}

/** The contract's own name, which addresses use; a service may serve it under another. */
function contractName(serves: Service['serves'], as: string): string {
  return Object.values(serves[as] ?? {})[0]?.service ?? as;
}

/** The schemas that mask rows; waits and dead letters of consumers hold the payload of their event. */
function masks(
  keyed: readonly { readonly method: Method; readonly handler: KeyedHandler }[],
  steps: readonly Method[],
  consumers: readonly { readonly name: string; readonly event: Event }[],
): readonly Masked[] {
  const all = [
    ...keyed.map(({ method, handler }) => {
      const output = jsonSchema(method.output, 'output');
      // The row of a run stores the pipeline's output, without the reply around it.
      return {
        method: method.address,
        // Approvers read the summary and may edit the editable fields.
        input: { ...jsonSchema(method.input, 'output'), description: method.summary, editable: method.editable },
        output: (isPipeline(handler) && output.properties?.output) || output,
      };
    }),
    // A keyed step is announced by the service that serves it.
    ...new Map(steps.filter(({ idempotency }) => idempotency !== 'keyed').map((method) => [method.address, method]))
      .values()
      .map((method) => ({
        method: method.address,
        input: jsonSchema(method.input, 'output'),
        output: jsonSchema(method.output, 'output'),
      })),
    ...consumers.flatMap(({ name, event }) => {
      const payload = jsonSchema(event.payload, 'output');
      return [
        { method: name, input: payload, output: {} },
        { method: `@${event.address}`, input: { type: 'object', properties: { key: { type: 'string' } } }, output: payload },
      ];
    }),
    { method: '@delay', input: {}, output: {} },
  ];
  // Several consumers of one event use the same schemas.
  return [...new Map(all.map((of) => [of.method, of])).values()];
}
