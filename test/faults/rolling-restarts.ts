import { setTimeout as delay } from 'node:timers/promises';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { openLab } from './lab.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { work } from './work.ts';

const inFlight = 64;

export const t8: FaultTest = {
  id: 'T8',
  title: 'rolling restarts under 64 calls at once',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const restarts = full ? 1_000 : control ? 6 : 20;
    await using lab = await openLab(options);
    const start = () => lab.startWorker({ off: control ? ['drain'] : [] });
    const crew = [await start(), await start()];
    const bus = await lab.client();
    const failures = new Map<string, number>();
    const stopped = new AbortController();
    let [calls, nth] = [0, 0];
    const lanes = Array.from({ length: inFlight }, async (_, lane) => {
      while (!stopped.signal.aborted && !signal.aborted) {
        nth += 1;
        calls += 1;
        try {
          // Reads are not repeated, so that nothing hides a call that was dropped.
          if (lane % 4 > 0) await bus.call(work.think, { ms: random.int(20, 200), nth }, { timeoutMs: 4_000, retry: false });
          else await bus.call(work.deliver_looked_up, { item: `item-${nth}`, body: 'b' }, { key: `item-${nth}` });
        } catch (thrown) {
          const { code, reason } = toPolybError(thrown);
          const name = reason === undefined ? code : `${code}/${reason}`;
          failures.set(name, (failures.get(name) ?? 0) + 1);
        }
      }
    });
    let hard = 0;
    for (let restart = 0; restart < restarts; restart += 1) {
      const place = restart % crew.length;
      const old = crew[place];
      crew[place] = await start();
      old?.kill('SIGTERM');
      const left = await Promise.race([old?.exited.then(() => true), delay(15_000, false, { signal })]);
      if (!left) hard += 1;
    }
    stopped.abort();
    await Promise.all(lanes);
    const failed = [...failures.values()].reduce((sum, each) => sum + each, 0);
    if (failed > 0) log([...failures].map(([name, times]) => `${name} ${times}`).join(', '));
    return { ok: failed === 0 && hard === 0, harm: failed, restarts, calls, failed, neverLeft: hard };
  },
};
