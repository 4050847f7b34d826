/** Leases of the attempts under way in this process, renewed together in one statement. */
import type { Log } from '../service.ts';
import type { JournalStore } from './store.ts';

export interface Leases {
  /** Holds the lease of an attempt until released; `lost` fires when somebody else may have taken it. */
  hold(token: string): { readonly lost: AbortSignal; release(): void };
  readonly held: number;
  stop(): void;
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
      const kept = new Set(await journal.renew(asked, leaseMs));
      for (const token of asked) {
        const lease = held.get(token);
        if (lease === undefined) continue;
        if (kept.has(token)) lease.until = began + leaseMs;
        else lease.controller.abort(new Error('the lease was lost'));
      }
    } catch (error) {
      log.warn({ err: error, held: asked.length }, 'leases could not be renewed');
      for (const lease of held.values()) if (lease.until < performance.now()) lease.controller.abort(new Error('the lease ran out'));
    }
  };
  const timer = setInterval(() => void renew(), renewMs);
  timer.unref();
  return {
    hold(token) {
      const controller = new AbortController();
      held.set(token, { controller, until: performance.now() + leaseMs });
      return { lost: controller.signal, release: () => held.delete(token) };
    },
    get held() {
      return held.size;
    },
    stop: () => clearInterval(timer),
  };
}
