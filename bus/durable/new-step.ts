/**
 * The first attempt of a new step. The run's lease excludes other processes, so the row need not exist before the handler runs: one
 * statement creates it with its end. A handler that takes longer, or fails, first acquires the row like every other attempt.
 */
import type { Method } from '../../contracts/kit/define.ts';
import type { Wire } from '../call.ts';
import type { Handler } from '../service.ts';
import { attempt, rowEnd } from './attempt.ts';
import type { JournalParts } from './journal-parts.ts';
import type { Lease } from './leases.ts';
import type { AcquireRequest, Row } from './store.ts';

/** How long a handler may run without a row. */
const withoutRowMs = 10;

/** @param row the future row of the step.
 *  @throws PolybError upstream_failed/outcome_unknown when another process has taken over the run, or created the row. */
export async function attemptNewStep(
  parts: JournalParts,
  request: AcquireRequest,
  row: Row,
  method: Method,
  handler: Handler,
  wire: Wire,
): Promise<unknown> {
  let acquiring: Promise<Lease | null> | undefined;
  async function acquireNow(): Promise<Lease | null> {
    const since = performance.now();
    const { did } = await parts.store.journal.acquire(null, request, parts.holder, parts.leaseMs);
    return did === 'taken' ? parts.leases.hold(row.token, since) : null;
  }
  function acquire(): Promise<Lease | null> {
    acquiring ??= acquireNow();
    return acquiring;
  }
  // A failure here occurs again at the write of the end.
  const timer = setTimeout(() => void acquire().catch(() => {}), withoutRowMs);
  const ofRow = rowEnd(parts, row, method);
  const lease: Lease = {
    lost: new AbortController().signal,
    isFresh: true,
    release() {
      clearTimeout(timer);
      void acquiring?.then(
        (held) => held?.release(),
        () => {},
      );
    },
  };
  return attempt(parts, row, method, handler, wire, lease, {
    async done(on, output) {
      clearTimeout(timer);
      if (acquiring === undefined) return parts.store.journal.makeDone(on, request, parts.holder, output);
      return (await acquiring) !== null && ofRow.done(on, output);
    },
    async failed(error, ms) {
      clearTimeout(timer);
      if ((await acquire()) !== null) await ofRow.failed(error, ms);
    },
  });
}
