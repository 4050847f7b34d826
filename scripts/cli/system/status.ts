/** `polyb status`: what PM2 says of each process beside what the bus says of each service. */
import type { BusHost } from '../../../bus/bus.ts';
import { exitOf, isPolybError } from '../../../contracts/kit/errors.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect, isUnreachable } from '../kernel/connect.ts';
import { repeatUntilStopped } from '../kernel/discover.ts';
import { drawTable } from '../kernel/text.ts';
import { type Expected, expectedServices } from './expected.ts';
import { failureOf, type Heard, hear, readyInstances } from './health.ts';
import { type App, listApps } from './pm2.ts';
import { oneProcessApp, serverApp, servers } from './project.ts';
import { checkFailed } from './report.ts';
import { readRun } from './run-file.ts';
import { ownerAt } from './server-owner.ts';
import { portSetting } from './servers.ts';

export interface StatusRow {
  readonly app: string;
  /** Null when PM2 has no process for it. */
  readonly pm2: string | null;
  readonly pids: readonly number[];
  readonly restarts: number;
  readonly memoryBytes: number;
  /** Instances on the bus; null for a server. */
  readonly instances: number | null;
  readonly ready: boolean;
  /** What it asks outside and does not get: it goes on, with less. */
  readonly failing: readonly string[];
  readonly note: string | null;
}

export async function status(invocation: Invocation): Promise<number> {
  const { flags, out, signal } = invocation;
  const services = await expectedServices();
  await using reached = await reach(invocation);
  const look = async () => [...(await serverRows()), ...serviceRows(services, await listApps(), await reached.ask())];
  if (!flags.on('watch')) {
    const rows = await look();
    await out.result({ bus: reached.server ?? null, apps: rows }, { table: () => tableOf(rows), items: rows });
    if (reached.failure !== undefined) return exitOf(reached.failure);
    return rows.every(({ ready }) => ready) ? 0 : checkFailed;
  }
  await repeatUntilStopped(signal, async () => {
    const rows = await look();
    if (out.isTty) out.redraw(drawTable(tableOf(rows), out.width));
    else await out.item({ at: new Date().toISOString(), apps: rows });
  });
  return 0;
}

/** The bus, or nobody at all when it cannot be reached: what PM2 says is worth seeing most of all then. */
async function reach(invocation: Invocation) {
  const { out, signal } = invocation;
  try {
    const connected = await connect(invocation, { own: true });
    const ask = (): Promise<Heard> => hear(connected.bus as Pick<BusHost, 'gather'>, signal);
    return { server: connected.server, failure: undefined, ask, [Symbol.asyncDispose]: () => connected[Symbol.asyncDispose]() };
  } catch (error) {
    if (!isPolybError(error) || !isUnreachable(error)) throw error;
    out.note(error.message, 'warn');
    return {
      server: undefined,
      failure: error,
      ask: async (): Promise<Heard> => ({ instances: new Map(), reports: [] }),
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

async function serverRows(): Promise<readonly StatusRow[]> {
  const run = await readRun();
  const own = servers.filter((server) => run[portSetting(server)] !== undefined);
  const apps = await listApps();
  return Promise.all(
    own.map(async (server) => {
      const ready = (await ownerAt[server](run)) === 'own';
      const app = serverApp(server);
      return {
        ...processOf(app, apps),
        app,
        instances: null,
        ready,
        failing: [],
        note: ready ? `127.0.0.1:${run[portSetting(server)]}` : `polyb logs ${app}`,
      };
    }),
  );
}

export function serviceRows(
  services: readonly Expected[],
  apps: readonly App[],
  { instances: onBus, reports }: Heard,
): readonly StatusRow[] {
  const inOne = apps.some(({ name }) => name === oneProcessApp);
  return services.map((service) => {
    const { folder } = service;
    const app = inOne ? oneProcessApp : folder;
    const instances = onBus.get(folder)?.length ?? 0;
    const ready = readyInstances(onBus, service).length > 0;
    const process = processOf(app, apps);
    const failing = reports.filter((each) => each.service === folder).flatMap((each) => failureOf(each) ?? []);
    return {
      app: folder,
      ...process,
      instances,
      ready,
      failing,
      note: noteOn({ ready, failing, instances, inOne, app, pm2: process.pm2 }),
    };
  });
}

function noteOn({
  ready,
  failing,
  instances,
  inOne,
  app,
  pm2,
}: {
  ready: boolean;
  failing: readonly string[];
  instances: number;
  inOne: boolean;
  app: string;
  pm2: string | null;
}) {
  if (ready && failing.length > 0) return failing.join('; ');
  if (ready) return inOne ? `in ${oneProcessApp}` : pm2 === null ? 'not run by this PM2' : null;
  if (pm2 === null) return instances > 0 ? 'serves only some of its contracts' : `polyb up ${app}`;
  return `PM2 reports ${pm2}, the bus has ${instances === 0 ? 'no instance' : 'only some of its contracts'}: polyb logs ${app}`;
}

/** All processes of one name taken together: the worst status, the sums of the rest. */
function processOf(name: string, apps: readonly App[]): Pick<StatusRow, 'pm2' | 'pids' | 'restarts' | 'memoryBytes'> {
  const mine = apps.filter((app) => app.name === name);
  const worst = mine.find(({ status }) => status !== 'online') ?? mine[0];
  return {
    pm2: worst?.status ?? null,
    pids: mine.map(({ pid }) => pid).filter((pid) => pid > 0),
    restarts: mine.reduce((sum, app) => sum + app.restarts, 0),
    memoryBytes: mine.reduce((sum, app) => sum + app.memoryBytes, 0),
  };
}

function tableOf(rows: readonly StatusRow[]) {
  return {
    columns: ['APP', 'PM2', 'RESTARTS', 'MEM', 'BUS', 'READY', 'NOTE'],
    right: ['RESTARTS', 'MEM'],
    rows: rows.map(({ app, pm2, restarts, memoryBytes, instances, ready, note }) => [
      app,
      pm2 ?? 'absent',
      String(restarts),
      `${Math.round(memoryBytes / 2 ** 20)}M`,
      instances === null ? '' : instances === 0 ? 'silent' : `${instances} inst`,
      ready ? 'yes' : 'no',
      note ?? '',
    ]),
  };
}
