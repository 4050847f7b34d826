/** `polyb down`: stops what `up` started here, services before the servers they need. Data stays, unless wiped. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { serversDir } from '../../infra/find-program.ts';
import { enterable, unprivileged } from '../../infra/unprivileged.ts';
import type { Invocation } from '../kernel/command.ts';
import { confirm } from '../kernel/confirm.ts';
import { lock } from './lock.ts';
import { endDaemon, listApps, removeApps } from './pm2.ts';
import { serverApp, serverFolder, servers, state } from './project.ts';
import { isForMachines } from './report.ts';
import { removeRun } from './run-file.ts';

export async function down({ flags, out, signal }: Invocation): Promise<number> {
  const wipe = flags.on('wipe');
  if (wipe) await confirm('Everything under .polyb/ is removed, including the database', { out, signal, subject: 'down --wipe' });
  await using _held = await lock('down');
  const apps = await listApps();
  const ownServers = servers.map(serverApp);
  const services = apps.filter(({ name }) => !ownServers.includes(name));
  const running = apps.filter(({ name }) => ownServers.includes(name));
  for (const [stage, what] of [
    [services, 'services'],
    [running, 'servers'],
  ] as const) {
    await removeApps(stage);
    if (stage.length > 0) out.note(`${what} stopped: ${stage.map(({ name }) => name).join(' ')}`, 'ok');
  }
  if (apps.length === 0) out.note('no process of this checkout was running');
  await removeRun();
  const endedPm2 = await endDaemon();
  if (wipe) {
    const hadData = existsSync(enterable(serverFolder('postgres'), unprivileged()));
    await removeData();
    out.note(`removed .polyb/${hadData ? ', including the database' : ''}`, 'ok');
  }
  const result = { stopped: apps.map(({ name }) => name), pm2Ended: endedPm2, wiped: wipe };
  if (isForMachines(out)) await out.result(result);
  return 0;
}

/** What stands under .polyb/, and the stand-ins of its parts where root's servers could not enter it. */
async function removeData(): Promise<void> {
  const runAs = unprivileged();
  const data = servers.map((server) => enterable(serverFolder(server), runAs));
  for (const folder of [...data, ...(await unpackedStandIns()), state]) await rm(folder, { recursive: true, force: true });
}

/** Copies of unpacked programs that belong to this checkout: `enterable` gives them their names back. */
async function unpackedStandIns(): Promise<readonly string[]> {
  const runAs = unprivileged();
  const standIns = dirname(enterable(serversDir, runAs));
  if (standIns === dirname(serversDir)) return [];
  const names = await readdir(standIns).catch(() => []);
  return names
    .filter((name) => enterable(join(serversDir, name.slice(0, -9)), runAs) === join(standIns, name))
    .map((name) => join(standIns, name));
}
