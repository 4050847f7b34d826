/** The parts of serving; loaded when a bus first serves, because they need the schema library. */
import type { Entry } from '../../contracts/kit/define.ts';
import type { MetricReport } from '../../contracts/kit/metric.ts';
import type { DrainOptions, Handlers, RunKeyed } from '../call.ts';
import { within } from '../middleware/settles-within.ts';
import type { ShownSetting } from '../service.ts';
import type { Health } from '../telemetry/dependencies.ts';
import type { Counter } from '../telemetry/stats.ts';
import { createControl } from './control.ts';
import { announceMicro } from './micro.ts';
import { createServer, type Server } from './serve.ts';
import type { ServerOptions } from './server-parts.ts';

export interface Serving {
  add(entries: readonly Entry[], handlers: Handlers, keep: RunKeyed | undefined): void;
  readonly own: Server['own'];
  counters(): readonly Counter[];
  readonly drain: Server['drain'];
  /** Drains for at most `graceMs`, then aborts the calls that still run. */
  stop(graceMs: number): Promise<void>;
}

export interface ServingParts extends ServerOptions {
  readonly instance: string;
  /** Metrics of the instance. */
  readonly metricReports: () => Promise<readonly MetricReport[]>;
  readonly health: Health;
  readonly settings: readonly ShownSetting[];
}

export function createServing(parts: ServingParts): Serving {
  const { transport, name, instance, log, metricReports, health } = parts;
  const server = createServer(parts);
  const control = createControl({ ...parts, server });
  const silence: (() => void)[] = [];
  let drained: Promise<void> | undefined;

  function drain(options: DrainOptions): Promise<void> {
    drained ??= (async () => {
      for (const stop of silence) stop(); // discovery must not find an instance that drains
      await server.drain(options);
    })();
    return drained;
  }
  return {
    add(entries, handlers, keep) {
      const endpoints = server.add(entries, handlers, keep);
      for (const [service, own] of Map.groupBy(endpoints, ({ entry }) => entry.service)) {
        control.listen(service, own);
        const isFirst = silence.length === 0; // an instance reports its metrics once, however many contracts it serves
        silence.push(
          announceMicro(
            { transport, daemon: name, instance, log, metricReports: isFirst ? metricReports : undefined, health },
            service,
            own,
          ),
        );
      }
    },
    own: server.own,
    counters: () => server.endpoints.map(({ counter }) => counter),
    drain,
    async stop(graceMs) {
      await within(graceMs, drain({ leftMs: () => graceMs }));
      server.abort();
      await new Promise((resolve) => setImmediate(resolve)); // an open stream sends its own end
      control.close();
      server.close();
    },
  };
}
