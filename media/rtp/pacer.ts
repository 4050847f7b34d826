/**
 * The clock of all sessions of a thread. Each is called at absolute deadlines, so that lateness never accumulates, and the sessions are
 * spread over the 20 ms of a frame. Late calls are made up for, unless they are more than a second late.
 */

export interface Pacer {
  /** Calls `tick` with each deadline, every 20 or 10 ms, until it is removed. */
  add(tick: (dueMs: number) => void, everyMs: 10 | 20): PacedTick;
  /** How late the next deadline is; negative if it is in the future or there is no session. */
  lateMs(): number;
  /** How late calls have been since the last call of this method. */
  takeLateness(): Lateness;
  stop(): void;
}
export interface PacedTick {
  /** Changes the interval; the phase stays. */
  every(ms: 10 | 20): void;
  remove(): void;
}
/** In ms. */
export interface Lateness {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}
export interface PacerOptions {
  /** A monotonic clock in ms: adjusting a wall clock would stop or flood the calls. */
  readonly clock: () => number;
  /** Called after the ticks of one moment. */
  readonly ticked: () => void;
  /** Called when a tick throws. */
  readonly failed: (tick: (dueMs: number) => void, error: unknown) => void;
}

const [slots, slotMs] = [10, 2];
const cycleMs = slots * slotMs;
/** Later calls are skipped. */
const mostLateMs = 1_000;
/** From this lateness on, waiting packets are read before the ticks that need them. */
const stallMs = 5;

const [bucketMs, buckets] = [0.1, 2_000];

/** Counts how late each call was, in steps of 0.1 ms up to 200 ms. */
export function createLateness() {
  const counts = new Uint32Array(buckets);
  let [total, worst] = [0, 0];
  const share = (part: number) => {
    let seen = 0;
    for (let nth = 0; nth < buckets; nth += 1) {
      seen += counts[nth] as number;
      if (seen > 0 && seen >= part * total) return Number(((nth + 1) * bucketMs).toFixed(1));
    }
    return 0;
  };
  return {
    add(ms: number): void {
      const bucket = Math.max(0, Math.min(buckets - 1, Math.floor(ms / bucketMs)));
      counts[bucket] = (counts[bucket] as number) + 1;
      total += 1;
      worst = Math.max(worst, ms);
    },
    /** The counts since the last call. */
    take(): Lateness {
      const taken = { count: total, p50: share(0.5), p99: share(0.99), worst: Number(worst.toFixed(1)) };
      counts.fill(0);
      [total, worst] = [0, 0];
      return taken;
    },
  };
}

export function createPacer({ clock, ticked, failed }: PacerOptions): Pacer {
  const ring = Array.from({ length: slots }, () => new Set<(dueMs: number) => void>());
  let originMs = clock();
  /** Number of the next slot since the origin. */
  let next = 0;
  let timer: NodeJS.Timeout | null = null;
  let soon: NodeJS.Immediate | null = null;
  const lateness = createLateness();
  let isStopped = false;
  const dueOf = (slot: number) => originMs + slot * slotMs;

  /** The next slot that has a session; null when none has. */
  const upcoming = (): number | null => {
    for (let slot = next; slot < next + slots; slot += 1) if ((ring[slot % slots]?.size ?? 0) > 0) return slot;
    return null;
  };
  const arm = () => {
    const slot = upcoming();
    if (slot === null || isStopped) return;
    timer = setTimeout(wake, Math.max(0, Math.ceil(dueOf(slot) - clock())));
  };
  const wake = () => {
    timer = null;
    const slot = upcoming();
    const lateMs = slot === null ? 0 : clock() - dueOf(slot);
    if (lateMs < stallMs) return run();
    soon = setImmediate(run);
  };
  const run = () => {
    soon = null;
    const now = clock();
    if (now - dueOf(next) > mostLateMs) next += Math.ceil((now - mostLateMs - dueOf(next)) / slotMs);
    const end = next + slots; // each session once, then packets are read again
    for (; next < end && dueOf(next) <= now && !isStopped; next += 1) {
      const due = dueOf(next);
      const ticks = ring[next % slots] as Set<(dueMs: number) => void>;
      if (ticks.size > 0) lateness.add(now - due);
      for (const tick of ticks)
        try {
          tick(due);
        } catch (error) {
          failed(tick, error);
        }
    }
    ticked();
    if (next === end && dueOf(next) <= now && !isStopped) soon = setImmediate(run);
    else arm();
  };

  return {
    add(tick, everyMs) {
      if (timer === null && soon === null) {
        if (upcoming() === null) [originMs, next] = [clock(), 0]; // nothing was due meanwhile
        queueMicrotask(() => {
          if (timer === null && soon === null) arm();
        });
      }
      const load = (slot: number) => (ring[slot]?.size ?? 0) + (ring[(slot + slots / 2) % slots]?.size ?? 0);
      const slot = ring.map((_, nth) => nth).sort((a, b) => (ring[a]?.size ?? 0) - (ring[b]?.size ?? 0) || load(a) - load(b))[0] as number;
      const second = ring[(slot + slots / 2) % slots] as Set<(dueMs: number) => void>;
      const first = ring[slot] as Set<(dueMs: number) => void>;
      first.add(tick);
      if (everyMs < cycleMs) second.add(tick);
      return {
        every(ms) {
          if (!first.has(tick)) return;
          if (ms < cycleMs) second.add(tick);
          else second.delete(tick);
        },
        remove() {
          first.delete(tick);
          second.delete(tick);
        },
      };
    },
    lateMs() {
      const slot = upcoming();
      return slot === null ? Number.NEGATIVE_INFINITY : clock() - dueOf(slot);
    },
    takeLateness: lateness.take,
    stop() {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
      if (soon !== null) clearImmediate(soon);
      for (const ticks of ring) ticks.clear();
    },
  };
}
