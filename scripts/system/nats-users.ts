/** The users of our own nats-server and what each may do, as its configuration says it. */
import { readFile, writeFile } from 'node:fs/promises';
import { guestUser, natsConfig, operatorUser, permissions } from '../../bus/permissions.ts';
import { PolybError } from '../../contracts/errors.ts';
import type { Expected } from './expected.ts';
import { natsUsersFile } from './project.ts';
import type { RunValues } from './run-file.ts';

export const operatorPasswordSetting = 'POLYB_NATS_OPERATOR_PASSWORD';
export const passwordSetting = (folder: string): string => `NATS_PASSWORD_${folder.toUpperCase().replaceAll('-', '_')}`;

export const busUsers = (services: readonly Expected[], prefix: string) =>
  permissions(
    services.map(({ folder, service }) => ({ folder, serves: service.serves, uses: service.uses, discovers: service.discovers })),
    prefix,
  );

/** Writes the file. False when it stands there already, word for word. */
export async function writeNatsUsers(services: readonly Expected[], prefix: string, run: RunValues): Promise<boolean> {
  const settings = [
    [operatorUser, operatorPasswordSetting] as const,
    ...services.map(({ folder }) => [folder, passwordSetting(folder)] as const),
  ];
  const credentials = Object.fromEntries(settings.map(([user, setting]) => [user, { password: passwordOf(run, setting) }]));
  const text = natsConfig(busUsers(services, prefix), { credentials, noAuthUser: guestUser });
  if (text === (await readFile(natsUsersFile, 'utf8').catch(() => ''))) return false;
  await writeFile(natsUsersFile, text, { mode: 0o600 });
  return true;
}

function passwordOf(run: RunValues, setting: string): string {
  const password = run[setting];
  if (password === undefined) throw new PolybError('internal', `No password was made for ${setting}.`);
  return password;
}
