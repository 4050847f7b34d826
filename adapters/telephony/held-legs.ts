import { PolybError } from '../../contracts/kit/errors.ts';
import type { Leg } from './port.ts';

/** How long a closing instance may take to hang up its legs: enough to resend a lost SIP message three times. */
export const closeMs = 4_000;

/** The legs that a process holds. */
export interface HeldLegs<L extends Leg> {
  readonly size: number;
  /** No new legs are accepted. */
  readonly isDraining: boolean;
  /** @throws PolybError unavailable while draining */
  mayAdd(): void;
  add(leg: L): void;
  remove(leg: L): void;
  get(legId: string): L | undefined;
  all(): readonly L[];
  /** Accepts no new legs; resolves when the last one has ended. @throws the reason of the signal */
  drain(signal: AbortSignal): Promise<void>;
  /** Accepts no new legs and hangs up all of them; resolves when they have ended or the signal fires. */
  hangUpAll(signal: AbortSignal, failed: (err: unknown) => void): Promise<void>;
}

export function heldLegs<L extends Leg>(): HeldLegs<L> {
  const legs = new Map<string, L>();
  let isDraining = false;
  let emptied: (() => void) | undefined;
  return {
    get size() {
      return legs.size;
    },
    get isDraining() {
      return isDraining;
    },
    mayAdd() {
      if (isDraining) throw new PolybError('unavailable', 'This instance is shutting down; another one takes the call.');
    },
    add: (leg) => void legs.set(leg.legId, leg),
    remove(leg) {
      legs.delete(leg.legId);
      if (legs.size === 0) emptied?.();
    },
    get: (legId) => legs.get(legId),
    all: () => [...legs.values()],
    drain(signal) {
      isDraining = true;
      return new Promise((resolve, reject) => {
        emptied = resolve;
        if (legs.size === 0) return resolve();
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    },
    async hangUpAll(signal, failed) {
      isDraining = true;
      await Promise.all([...legs.values()].map((leg) => leg.hangUp(signal).catch(failed)));
    },
  };
}
