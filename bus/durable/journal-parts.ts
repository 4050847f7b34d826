/** Dependencies that the parts of the journal's runtime share in one process. */
import type { Effect, Method } from '../../contracts/kit/define.ts';
import type { BusHost } from '../bus.ts';
import type { Consumer, Guard, Handler, Log } from '../service.ts';
import type { Leases } from './leases.ts';
import type { Pipeline } from './pipeline.ts';
import type { MethodPolicy, Store } from './store.ts';
import type { Transactions } from './transaction.ts';
import type { Watchers } from './watchers.ts';

export type KeyedHandler = Handler | Effect | Pipeline;
export interface ServedMethod {
  readonly method: Method;
  readonly handler: KeyedHandler;
}
export interface JournalParts {
  readonly store: Store;
  readonly bus: BusHost;
  readonly transactions: Transactions;
  readonly log: Log;
  /** Names this process in leases and logs. */
  readonly holder: string;
  readonly leaseMs: number;
  readonly idleMs: number;
  /** Maximum number of attempts, and of pipeline runs, that the worker runs at once. */
  readonly concurrency: number;
  readonly served: ReadonlyMap<string, ServedMethod>;
  readonly policies: Readonly<Record<string, MethodPolicy>>;
  readonly guards: ReadonlyMap<string, readonly Guard[]>;
  /** Consumers by the method name of their dead letters. */
  readonly consumers: ReadonlyMap<string, Consumer>;
  readonly leases: Leases;
  readonly watchers: Watchers;
  /** Keeps work until it settles, so that `drain` waits for it. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  /** True after `drain` began. */
  readonly isStopped: () => boolean;
  /** Makes the worker look for due work at once. */
  readonly wake: () => void;
}
