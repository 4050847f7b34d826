/** `polyb restart`: a second instance takes over before the first stops, so that no call fails. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Invocation } from '../cli/command.ts';
import { connect } from '../cli/connect.ts';
import { chosenFrom, type Expected, expectedServices } from './expected.ts';
import { askBus, type OnBus, readyInstances } from './health.ts';
import { lock } from './lock.ts';
import { lastLines, logSize } from './logs-of.ts';
import { type App, addInstance, removeApps } from './pm2.ts';
import { oneProcessApp } from './project.ts';
import { checkFailed, requireUp } from './up.ts';

const readyMs = 30_000;
const shownLines = 15;

/** The environment of a running daemon is kept; settings from files are read anew. */
export async function restart(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  await using _held = await lock('restart');
  const all = await expectedServices();
  const named = chosenFrom(all, args, 'restart');
  const running = await requireUp();
  const isOneProcess = running.some(({ name }) => name === oneProcessApp);
  const groups = isOneProcess
    ? [{ app: oneProcessApp, services: all }]
    : named.filter(({ folder }) => running.some(({ name }) => name === folder)).map((each) => ({ app: each.folder, services: [each] }));
  for (const { folder } of isOneProcess ? [] : named.filter((each) => !groups.some(({ app }) => app === each.folder)))
    out.note(`${folder} is not running; polyb up ${folder} starts it`, 'warn');

  await using connected = await connect(invocation);
  const failed: string[] = [];
  for (const { app, services } of groups) {
    // Counted once: each instance there is now gets one successor.
    for (const old of running.filter(({ name }) => name === app)) {
      const from = await logSize(app);
      const before = await askBus(connected.bus, signal);
      const startedAt = Date.now();
      await addInstance(app);
      if (
        await takenOver({
          before,
          services,
          ask: () => askBus(connected.bus, signal, 100),
          timeoutMs: flags.ms('timeout') ?? readyMs,
          signal,
        })
      ) {
        await removeApps([old]);
        out.note(`${app}  taken over in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`, 'ok');
        continue;
      }
      await removeApps(await successorsOf(app, running));
      const lines = await lastLines(app, from, shownLines);
      out.note(
        [`${app}  the new instance did not get ready, the old one goes on; its last lines:`, ...lines.map((line) => `    ${line}`)].join(
          '\n',
        ),
        'bad',
      );
      failed.push(app);
      break;
    }
  }
  const result = { restarted: groups.map(({ app }) => app).filter((app) => !failed.includes(app)), failed };
  if (out.format !== 'pretty' && out.format !== 'table') await out.result(result);
  return failed.length > 0 ? checkFailed : 0;
}

type Takeover = {
  readonly before: OnBus;
  readonly services: readonly Expected[];
  readonly ask: () => Promise<OnBus>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};
/** Whether an instance that was not there before answers for every service in time. */
async function takenOver({ before, services, ask, timeoutMs, signal }: Takeover): Promise<boolean> {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    const now = await ask();
    const isNew = (service: Expected) => {
      const known = (before.get(service.folder) ?? []).map(({ id }) => id);
      return readyInstances(now, service).some(({ id }) => !known.includes(id));
    };
    if (services.every(isNew)) return true;
    await delay(50, undefined, { signal });
  }
  return false;
}

async function successorsOf(name: string, running: readonly App[]): Promise<readonly App[]> {
  const ids = running.map(({ id }) => id);
  return (await requireUp()).filter((app) => app.name === name && !ids.includes(app.id));
}
