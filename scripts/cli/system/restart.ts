/** `polyb restart`: a second instance takes over before the first stops, so that no call fails. */
import { within } from '../../../bus/middleware/settles-within.ts';
import { badSettings, openSources, problemsOf } from '../../../config/env.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { readSources } from './changed.ts';
import { chosenFrom, type Expected, expectedServices } from './expected.ts';
import { askBus } from './health.ts';
import { killMsOf } from './kill-time.ts';
import { lock } from './lock.ts';
import { logSize } from './logs-of.ts';
import { renewNatsUsers } from './nats-users.ts';
import { type App, addInstance, removeApps, surplus } from './pm2.ts';
import { logFile, oneProcessApp } from './project.ts';
import { awaitReady, readyMs } from './ready.ts';
import { checkFailed, isForMachines, requireUp, tellNotReady } from './report.ts';
import { readSettings, strayNames } from './settings.ts';

/** The environment of a running daemon is kept; settings from files are read anew, and so are the bus permissions that the code asks for. */
export async function restart(invocation: Invocation): Promise<number> {
  const { args, flags, out } = invocation;
  await using _held = await lock('restart');
  const all = await expectedServices();
  const chosen = chosenFrom(all, args, 'restart');
  const found = await requireUp();
  const extra = surplus(found);
  await removeApps(extra);
  // A process that stops is no predecessor: another has taken its place.
  const running = found.filter((app) => !extra.includes(app) && app.status !== 'stopping');
  const changed = flags.on('changed') ? await readSources().changed(chosen, running) : undefined;
  if (changed?.length === 0) out.note('every process runs the code of this checkout', 'ok');
  const named = chosen.filter(({ folder }) => changed?.includes(folder) ?? true);
  const find = openSources({ env: invocation.env });
  for (const line of strayNames(all, find)) out.note(line, 'warn');
  const runs = (name: string) => running.some((app) => app.name === name);
  const groups: readonly Group[] = runs(oneProcessApp)
    ? named.length === 0
      ? []
      : [{ app: oneProcessApp, services: all }]
    : named.filter(({ folder }) => runs(folder)).map((each) => ({ app: each.folder, services: [each] }));
  const killMs = checkSettings(groups, running);
  await renewNatsUsers(all, find);
  const absent = runs(oneProcessApp) ? [] : named.filter(({ folder }) => !runs(folder));
  for (const { folder } of absent) out.note(`${folder} is not running; polyb up ${folder} starts it`, 'warn');

  const failed: string[] = [];
  for (const group of groups) {
    const old = running.find(({ name }) => name === group.app);
    if (old !== undefined && !(await relieve(group, { old, killMs: killMs.get(group) ?? old.killMs }, invocation))) failed.push(group.app);
  }
  await renewNatsUsers(all, find); // former code has no process now
  const result = { restarted: groups.map(({ app }) => app).filter((app) => !failed.includes(app)), failed };
  if (isForMachines(out)) await out.result(result);
  return failed.length > 0 ? checkFailed : 0;
}

/** After this time a user wants to know what is waited for. */
const tellAfterMs = 2_000;

type Group = { readonly app: string; readonly services: readonly Expected[] };

/**
 * A successor gets the environment of its predecessor. Returns how long each may take to stop.
 * @throws PolybError failed_precondition/bad_settings with every mistake of all of them.
 */
function checkSettings(groups: readonly Group[], running: readonly App[]): ReadonlyMap<Group, number> {
  const killMs = new Map<Group, number>();
  const problems = groups.flatMap((group) => {
    const { app, services } = group;
    const env = running.find(({ name }) => name === app)?.env ?? {};
    try {
      killMs.set(group, killMsOf(services, readSettings(services, openSources({ env }))));
      return [];
    } catch (error) {
      if (!isPolybError(error) || error.reason !== 'bad_settings') throw error;
      return problemsOf(error);
    }
  });
  if (problems.length > 0) throw badSettings(problems);
  return killMs;
}

/** A successor takes the place of `old`. False when it did not get ready in time: it is removed, and `old` goes on. */
async function relieve(
  { app, services }: Group,
  { old, killMs }: { readonly old: App; readonly killMs: number },
  invocation: Invocation,
): Promise<boolean> {
  const { flags, out, signal } = invocation;
  await using connected = await connect(invocation, { own: true });
  const { bus } = connected;
  const logFrom = await logSize(logFile(app));
  const since = Date.now();
  const before = await askBus(bus, signal);
  const successor = await addInstance(old, killMs);
  let leaving: Pick<App, 'id' | 'killMs'> = successor;
  try {
    const awaited = services.map((each) => ({ ...each, app }));
    const timeoutMs = flags.ms('timeout') ?? readyMs;
    const [late] = await awaitReady({ bus, services: awaited, before, since, timeoutMs, signal, onReady: () => {} });
    if (late === undefined) leaving = old;
    else await tellNotReady(out, app, { app, why: `the new instance ${late.why}; the old one continues` }, logFrom);
  } finally {
    const left = removeApps([leaving]);
    if (!(await within(tellAfterMs, left)))
      out.note(`${app}  the new instance serves; the old one finishes what it holds, for ${Math.round(leaving.killMs / 1000)} s at most`);
    await left;
  }
  if (leaving !== old) return false;
  out.note(`${app}  replaced in ${((Date.now() - since) / 1000).toFixed(1)} s`, 'ok');
  return true;
}
