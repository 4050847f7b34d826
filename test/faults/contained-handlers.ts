import type { BusHost } from '../../bus/bus.ts';
import { isPolybError, type PolybError } from '../../contracts/kit/errors.ts';
import { openLab } from './lab.ts';
import { naiveIn } from './malformed-calls.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { faults, handlerFaults } from './work.ts';

type Fault = (typeof handlerFaults)[number];
const kinds = ['read', 'change', 'commit', 'act', 'flow'] as const;
type Kind = (typeof kinds)[number];
const callMs = 3_000;
/** The answer's way, on a busy machine. */
const toleranceMs = 1_000;

export const t10: FaultTest = {
  id: 'T10',
  title: 'handlers that throw, reject, answer too much, never answer, or throw after their commit, in every kind of method',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const rounds = full ? 200 : control ? 1 : 3;
    await using lab = await openLab(options);
    await using naive = control ? await naiveIn(lab) : undefined;
    const worker = naive?.child ?? (await lab.startWorker());
    const bus = await lab.client();
    if (!control) for (const kind of kinds) await broken(bus, kind, 'none', 0); // what is loaded on first use
    const siblings = siblingCalls(bus, signal);
    const counts = { faults: 0, typedErrors: 0, untyped: 0, late: 0, wrongSuccess: 0, keptAfterCommit: 0 };
    const seen = new Map<string, number>();
    let nth = 0;
    const strike = async (kind: Kind, fault: Fault): Promise<void> => {
      nth += 1;
      const began = performance.now();
      const error = await broken(bus, kind, fault, nth);
      const took = performance.now() - began;
      counts.faults += 1;
      if (took > callMs + toleranceMs) counts.late += 1;
      if (error === undefined) {
        // What was committed stands, whatever the handler did after it.
        if (kind === 'commit' && fault === 'throw_after_commit') counts.keptAfterCommit += 1;
        else if (fault !== 'none') counts.wrongSuccess += 1;
      } else if (!isPolybError(error) || fault === 'none') {
        counts.untyped += 1;
        log(`${kind} ${fault}: ${String(error)}`);
      } else {
        counts.typedErrors += 1;
        const name = `${fault}: ${error.code}${error.reason === undefined ? '' : `/${error.reason}`}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    };
    for (let round = 0; round < rounds && worker.alive; round += 1) {
      await Promise.all(
        kinds.map(async (kind) => {
          for (const fault of random.shuffled(handlerFaults)) await strike(kind, fault);
        }),
      );
    }
    const { called, failed } = await siblings.end();
    const alive = worker.alive;
    log([...seen].map(([name, times]) => `${name} ${times}`).join(', '));
    const harm = control
      ? failed + (alive ? 0 : 1)
      : failed + counts.untyped + counts.late + counts.wrongSuccess + (alive ? 0 : 1) + (counts.keptAfterCommit === rounds ? 0 : 1);
    return { ok: harm === 0, harm, ...counts, siblingCalls: called, siblingsFailed: failed, alive };
  },
};

/** What a call of a method that breaks so ended with; undefined when it was answered. */
async function broken(bus: BusHost, kind: Kind, fault: Fault, nth: number): Promise<PolybError | unknown> {
  const input = { fault, nth };
  const options = { key: `fault ${nth}`, timeoutMs: callMs, retry: false };
  try {
    switch (kind) {
      case 'read':
        await bus.call(faults.read, input, options);
        return undefined;
      case 'change':
        await bus.call(faults.change, input, options);
        return undefined;
      case 'commit':
        await bus.call(faults.commit, input, options);
        return undefined;
      case 'act':
        await bus.call(faults.act, input, options);
        return undefined;
      case 'flow': {
        const over = AbortSignal.timeout(callMs);
        for await (const _ of bus.open(faults.flow, input, nothing(), { timeoutMs: callMs, signal: over })) {
          // only the end matters
        }
        return undefined;
      }
    }
  } catch (thrown) {
    return thrown;
  }
}
async function* nothing(): AsyncGenerator<Record<string, never>> {}

/** Calls of a method of the same contract that never breaks, one after the other. */
function siblingCalls(bus: BusHost, signal: AbortSignal) {
  const stopped = new AbortController();
  let [called, failed] = [0, 0];
  const running = (async () => {
    while (!stopped.signal.aborted && !signal.aborted) {
      called += 1;
      await bus.call(faults.sibling, { nth: called }, { timeoutMs: 1_000, retry: false }).catch(() => {
        failed += 1;
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async end() {
      stopped.abort();
      await running;
      return { called, failed };
    },
  };
}
