/** The users of our own nats-server and what each may do, as its configuration says it. */
import { readFile, writeFile } from 'node:fs/promises';
import { natsConfig, operatorUser, permissions, withFormerRights } from '../../../bus/server/permissions.ts';
import { guestUser } from '../../../bus/wire/subjects.ts';
import { type FindSetting, lookup } from '../../../config/env.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { operatorSetting } from '../../../runtime/own-server.ts';
import { passwordSetting } from '../../../runtime/services.ts';
import { readSources } from './changed.ts';
import type { Expected } from './expected.ts';
import { type App, listApps } from './pm2.ts';
import { natsUsersFile, serverApp } from './project.ts';
import { type RunValues, readRun } from './run-file.ts';

export const busUsers = (services: readonly Expected[], prefix: string) =>
  permissions(
    services.map(({ folder, service }) => ({ folder, serves: service.serves, uses: service.uses, discovers: service.discovers })),
    prefix,
  );

/**
 * Writes the file. False when it is there already, word for word.
 * @param outdated folders whose processes run older code: they keep its rights until they are replaced.
 */
export async function writeNatsUsers(
  services: readonly Expected[],
  prefix: string,
  run: RunValues,
  outdated: readonly string[],
): Promise<boolean> {
  const settings = [[operatorUser, operatorSetting] as const, ...services.map(({ folder }) => [folder, passwordSetting(folder)] as const)];
  const credentials = Object.fromEntries(settings.map(([user, setting]) => [user, { password: passwordOf(run, setting) }]));
  const former = await readFile(natsUsersFile, 'utf8').catch(() => '');
  const text = natsConfig(withFormerRights(busUsers(services, prefix), former, outdated), { credentials, noAuthUser: guestUser });
  if (text === former) return false;
  await writeFile(natsUsersFile, text, { mode: 0o600 });
  return true;
}

/** Gives the running services the bus permissions that their code asks for now, where the nats-server is our own. */
export async function renewNatsUsers(services: readonly Expected[], find: FindSetting): Promise<void> {
  const run = await readRun();
  if (run[operatorSetting] === undefined) return;
  const apps = await listApps();
  const outdated = await readSources().changed(services, apps);
  const known = services.filter(({ folder }) => run[passwordSetting(folder)] !== undefined);
  if (await writeNatsUsers(known, lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb', run, outdated)) reloadNats(apps);
}
/** Lets a nats-server that runs take its new users; its launcher passes the signal on. */
export function reloadNats(apps: readonly App[]): void {
  const nats = apps.find(({ name, pid }) => name === serverApp('nats') && pid > 0);
  if (nats) process.kill(nats.pid, 'SIGHUP');
}

function passwordOf(run: RunValues, setting: string): string {
  const password = run[setting];
  if (password === undefined) throw new PolybError('internal', `There is no password for ${setting}.`);
  return password;
}
