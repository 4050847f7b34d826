/** Waits until services answer on the bus. */
import type { BusHost } from '../../../bus/bus.ts';
import type { Expected } from './expected.ts';
import { askBus, type OnBus, readyInstances } from './health.ts';
import { pause } from './pause.ts';
import { type App, listApps } from './pm2.ts';

export interface Placed {
  readonly folder: string;
  /** The PM2 app that runs it. */
  readonly app: string;
}
export interface NotReady extends Placed {
  readonly why: string;
}
export interface WaitOptions<T extends Expected & Placed> {
  readonly bus: Pick<BusHost, 'gather'>;
  readonly services: readonly T[];
  /** Instances that were ready before the start, and are not what is waited for. */
  readonly before: OnBus;
  /** Unix ms at which they were started. */
  readonly since: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  onReady(service: T): void;
}

/** How long a service may take unless told. */
export const readyMs = 60_000;
const askPm2EveryMs = 1_000;
/** So many restarts within one start are taken for a failure that time will not mend. */
const patience = 3;

/** Those that are not ready when all others are, or when time is up. One that ends for good is not waited for. */
export async function awaitReady<T extends Expected & Placed>(options: WaitOptions<T>): Promise<readonly NotReady[]> {
  const { bus, before: earlier, since, timeoutMs, signal, onReady } = options;
  let waiting = options.services;
  const failed: NotReady[] = [];
  let asked = Date.now();
  let appsBefore: readonly App[] | undefined;
  while (waiting.length > 0) {
    signal.throwIfAborted();
    const onBus = await askBus(bus, signal, 100);
    const arrived = waiting.filter((each) => newInstance(each, earlier, onBus));
    for (const service of arrived) onReady(service);
    waiting = waiting.filter((each) => !arrived.includes(each));
    if (Date.now() - since > timeoutMs)
      return [...failed, ...waiting.map((each) => ({ ...each, why: `is not ready after ${timeoutMs / 1000} s` }))];
    if (waiting.length > 0 && Date.now() - asked > askPm2EveryMs) {
      const apps = await listApps();
      appsBefore ??= apps;
      const lost = waiting.flatMap((each) => {
        const why = whyLost(each.app, apps, appsBefore ?? [], since);
        return why === undefined ? [] : [{ ...each, why }];
      });
      failed.push(...lost);
      waiting = waiting.filter((each) => !lost.some(({ folder }) => folder === each.folder));
      asked = Date.now();
    }
    await pause(50, signal);
  }
  return failed;
}

/** Whether an instance is ready that was not before. */
function newInstance(service: Expected, before: OnBus, now: OnBus): boolean {
  const known = readyInstances(before, service).map(({ id }) => id);
  return readyInstances(now, service).some(({ id }) => !known.includes(id));
}

function whyLost(name: string, apps: readonly App[], before: readonly App[], since: number): string | undefined {
  const mine = apps.filter((app) => app.name === name && app.startedAt >= since);
  if (mine.length === 0) return undefined;
  if (mine.every(({ status }) => status === 'stopped' || status === 'errored')) return 'ended while it started';
  const restarts = (list: readonly App[]) => list.filter((app) => app.name === name).reduce((sum, app) => sum + app.restarts, 0);
  return restarts(apps) - restarts(before) >= patience ? 'ends repeatedly while it starts' : undefined;
}
