/** The server's side: listens where the contract says. Loaded when something is served. */
import type { Contract, Entry } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { DrainOptions, Handlers, RunKeyed } from '../call.ts';
import { cancelled, stop } from '../middleware/cancel.ts';
import { deadlineExceeded } from '../middleware/deadline.ts';
import { within } from '../middleware/settles-within.ts';
import type { Subscription } from '../transports/transport.ts';
import { subjectToken } from '../wire/ids.ts';
import { signature } from '../wire/subjects.ts';
import { arrive, arriveLocally } from './arrival.ts';
import { contexts } from './call-context.ts';
import { abortCall } from './end-call.ts';
import { endpointOf } from './endpoint.ts';
import { createRunningCalls } from './running-calls.ts';
import type { Endpoint, ServerOptions, ServerParts } from './server-parts.ts';

export interface Server {
  add(entries: readonly Entry[], handlers: Handlers, keep: RunKeyed | undefined): readonly Endpoint[];
  own(contract: Contract, object: Readonly<Record<string, string>>): Disposable;
  /** Stops the call whose reply would go to this inbox. */
  cancel(reply: string): void;
  readonly endpoints: readonly Endpoint[];
  /** Takes no more calls; resolves when those in flight have ended or were aborted. */
  drain(options: DrainOptions): Promise<void>;
  /** Replies to all that still run, and fires their signals. */
  abort(): void;
  close(): void;
}

const queue = 'q';

export function createServer(options: ServerOptions): Server {
  const { transport, name, log, localEndpoints } = options;
  const running = createRunningCalls(options.now, (call) =>
    abortCall(parts, call, deadlineExceeded(call.endpoint.entry.address, 'unknown')),
  );
  const parts: ServerParts = { ...options, running };
  const contextOf = contexts(options);
  const endpoints = new Map<string, Endpoint>();
  const subscriptions = new Set<Subscription>();
  const localSubjects = new Set<string>();
  /** Of owned objects. */
  const ownedSubscriptions = new Set<Subscription>();
  const ownedSubjects = new Set<string>();

  function listen(endpoint: Endpoint, subject: string, isOwned: boolean): Disposable {
    const [kept, keptSubjects] = isOwned ? [ownedSubscriptions, ownedSubjects] : [subscriptions, localSubjects];
    const { roles } = endpoint.entry;
    // An entry with roles takes only calls whose subject proves the caller.
    const subjects = [...(roles === undefined ? [subject] : []), subject + signature('*')];
    const made = subjects.map((at) =>
      transport.subscribe(at, (message) => arrive(parts, endpoint, subject, message), {
        queue,
        onError: (err) => log.error({ err, subject: at }, 'the bus user may not subscribe to the subjects of its contract'),
      }),
    );
    for (const subscription of made) kept.add(subscription);
    keptSubjects.add(subject);
    localEndpoints?.endpoints.set(subject, { roles, take: (call) => arriveLocally(parts, endpoint, call) });
    return {
      [Symbol.dispose]: () => {
        for (const subscription of made) {
          subscription.unsubscribe();
          kept.delete(subscription);
        }
        keptSubjects.delete(subject);
        localEndpoints?.endpoints.delete(subject);
      },
    };
  }

  async function leave(from: ReadonlySet<Subscription>, subjects: ReadonlySet<string>): Promise<void> {
    for (const subject of subjects) localEndpoints?.endpoints.delete(subject);
    await Promise.all([...from].map((subscription) => subscription.drain()));
  }

  function abort(): void {
    for (const call of running.list())
      abortCall(parts, call, new PolybError('unavailable', `${name} is shutting down.`, { outcome: 'unknown' }));
  }

  return {
    add(entries, handlers, keep) {
      const made = entries
        .filter((entry) => entry.kind !== 'event')
        .map((entry) => {
          if (endpoints.has(entry.address)) throw new PolybError('failed_precondition', `${entry.address} is served already.`);
          return endpointOf(options, contextOf, entry, handlers[entry.address], keep);
        });
      for (const endpoint of made) {
        endpoints.set(endpoint.entry.address, endpoint);
        // An owned entry is served only at the subjects of its holders.
        if (endpoint.entry.owner === undefined) listen(endpoint, endpoint.subject, false);
      }
      return made;
    },
    own(contract, object) {
      const wanted = Object.entries(object).flatMap(([field, id]) => {
        const owned = Object.values(contract).filter((entry) => entry.kind !== 'event' && entry.owner === field);
        if (owned.length === 0) throw new PolybError('failed_precondition', `No entry of the contract declares the owner ${field}.`);
        return owned.map(({ address }) => {
          const endpoint = endpoints.get(address);
          if (endpoint === undefined) throw new PolybError('failed_precondition', `Serve ${address} before you own one of its objects.`);
          return { endpoint, subject: `${endpoint.subject}.${subjectToken(id)}` };
        });
      });
      const listening = wanted.map(({ endpoint, subject }) => listen(endpoint, subject, true));
      return {
        [Symbol.dispose]: () => {
          for (const one of listening.splice(0)) one[Symbol.dispose]();
        },
      };
    },
    cancel(reply) {
      const call = running.list().find((one) => one.reply === reply);
      if (call !== undefined) stop(call, cancelled(call.endpoint.entry.address, 'unknown'));
    },
    get endpoints() {
      return [...endpoints.values()];
    },
    async drain({ release, leftMs }) {
      await leave(subscriptions, localSubjects);
      await release?.();
      await leave(ownedSubscriptions, ownedSubjects);
      // A stream has no deadline: it would be waited for as long as its other end stays.
      if (!(await within(leftMs(), running.idle()))) abort();
    },
    abort,
    close() {
      for (const subscription of [...subscriptions, ...ownedSubscriptions]) subscription.unsubscribe();
      running.stop();
    },
  };
}
