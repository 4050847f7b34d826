import { PolybError } from '../../contracts/kit/errors.ts';
import type { Leg } from './port.ts';

/** How long an instance that closes may take to hang up its legs: enough to send a lost message of SIP three times more. */
export const closeMs = 4_000;

/** The legs that a process holds. */
export interface HeldLegs<L extends Leg> {
  readonly size: number;
  /** No more legs are taken. */
  readonly isDraining: boolean;
  /** @throws PolybError unavailable while draining */
  mayAdd(): void;
  add(leg: L): void;
  remove(leg: L): void;
  get(legId: string): L | undefined;
  all(): readonly L[];
  /** Takes no more legs; resolves when the last one has ended. @throws the reason of the signal */
  drain(signal: AbortSignal): Promise<void>;
  /** Takes no more legs and hangs up all at once; resolves when they have ended, or cannot be hung up before the signal. */
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
