/** Leases of the running attempts of this process, renewed in one statement. */
import type { Log } from '../service.ts';
import type { JournalStore } from './store.ts';

export interface Lease {
  /** Fires when another process may have taken the attempt over. */
  readonly lost: AbortSignal;
  /** At least a quarter of the lease is left: a request sent now arrives before another process may repeat it. */
  readonly isFresh: boolean;
  release(): void;
}
export interface Leases {
  /** Renews the lease of an attempt until released.
   *  @param since `performance.now()` before the acquiring statement was sent: PostgreSQL counts from a later moment. */
  hold(token: string, since: number): Lease;
  readonly held: number;
  stop(): void;
}

const bySignal = new WeakMap<AbortSignal, Lease>();
/** Requests made with `signal` belong to the attempt that holds `lease`. */
export function bindLease(signal: AbortSignal, lease: Lease): void {
  bySignal.set(signal, lease);
}
/** False when the request of an attempt has waited so long that it must not be sent: see `Lease.isFresh`. */
export function mayLeave(signal: AbortSignal): boolean {
  return bySignal.get(signal)?.isFresh ?? true;
}

export function leases({
  journal,
  leaseMs,
  renewMs,
  log,
}: {
  journal: Pick<JournalStore, 'renew'>;
  leaseMs: number;
  renewMs: number;
  log: Log;
}): Leases {
  const held = new Map<string, { readonly controller: AbortController; until: number }>();
  const renew = async (): Promise<void> => {
    if (held.size === 0) return;
    const asked = [...held.keys()];
    const began = performance.now();
    try {
      const kept = new Map((await journal.renew(asked, leaseMs)).map(({ token, isRenewed }) => [token, isRenewed]));
      for (const token of asked) {
        const lease = held.get(token);
        if (lease === undefined) continue;
        if (kept.get(token) === true) lease.until = began + leaseMs;
        else if (!kept.has(token)) lease.controller.abort(new Error('the lease was lost'));
      }
    } catch (error) {
      log.warn({ err: error, held: asked.length }, 'leases could not be renewed');
    }
    for (const lease of held.values()) if (lease.until < performance.now()) lease.controller.abort(new Error('the lease ran out'));
  };
  const timer = setInterval(() => void renew(), renewMs);
  timer.unref();
  return {
    hold(token, since) {
      const lease = { controller: new AbortController(), until: since + leaseMs };
      held.set(token, lease);
      return {
        lost: lease.controller.signal,
        get isFresh() {
          return lease.until - performance.now() >= leaseMs / 4;
        },
        release: () => held.delete(token),
      };
    },
    get held() {
      return held.size;
    },
    stop: () => clearInterval(timer),
  };
}
