/** Pipeline runs in this process, bounded in number. */
import type { Pipeline } from './pipeline.ts';
import type { Runner } from './run.ts';
import type { Row } from './store.ts';
import type { Watchers } from './watchers.ts';

export interface RunSlots {
  hasRoom(): boolean;
  /** Executes a run from its rows. @param since `performance.now()` before its lease was requested. */
  execute(run: Row, pipeline: Pipeline, since: number): Promise<void>;
}

export function runSlots(runner: Runner, watchers: Watchers, atMost: number): RunSlots {
  let running = 0;
  return {
    hasRoom: () => running < atMost,
    async execute(run, pipeline, since) {
      running += 1;
      try {
        await runner.execute(run, pipeline, since);
      } finally {
        running -= 1;
        watchers.notify(run);
      }
    },
  };
}
