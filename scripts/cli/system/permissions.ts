/** `polyb permissions`: who may call what on the bus, as nats-server enforces it; or the users of a nats-server, as it reads them. */
import { randomBytes } from 'node:crypto';
import { type BusUser, natsConfig, operatorUser } from '../../../bus/server/permissions.ts';
import { type FindSetting, lookup, openSources } from '../../../config/env.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { operatorSetting } from '../../../runtime/own-server.ts';
import { passwordSetting } from '../../../runtime/services.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { nearest } from '../kernel/nearest.ts';
import { expectedServices } from './expected.ts';
import { busUsers } from './nats-users.ts';

export async function permissions({ args, flags, out, env }: Invocation): Promise<number> {
  const find = openSources({ env });
  const services = await expectedServices();
  const users = busUsers(services, lookup('POLYB_SUBJECT_PREFIX', find) ?? 'polyb');
  const names = users.map(({ name }) => name);
  for (const name of args)
    if (!names.includes(name))
      throw wrongUsage(`there is no bus user ${name}`, {
        subject: 'permissions',
        close: nearest(name, names),
        next: [`users: ${names.join(' ')}`],
      });
  const shown = args.length === 0 ? users : users.filter(({ name }) => args.includes(name));
  const known = new Set([operatorUser, ...services.map(({ folder }) => folder)]);
  const withPassword = shown.filter(({ name }) => known.has(name));
  const format = flags.text('output');
  if (format === 'env') out.print(passwordLines(withPassword, find));
  else if (format === 'nats') out.print(natsUsers(withPassword, find));
  else await showRights(shown, out);
  return 0;
}

async function showRights(shown: readonly BusUser[], out: Invocation['out']): Promise<void> {
  const rows = shown.flatMap(({ name, publish, subscribe }) => [
    ...publish.allow.map((subject) => [name, 'publish', subject]),
    ...publish.deny.map((subject) => [name, 'never publish', subject]),
    ...subscribe.allow.map((subject) => [name, 'subscribe', subject]),
  ]);
  await out.result({ users: shown }, { table: () => ({ columns: ['USER', 'MAY', 'SUBJECT'], rows }), items: shown });
}

/** A setting a user; a password that nothing sets is made. */
function passwordLines(users: readonly BusUser[], find: FindSetting): string {
  return users.map(({ name }) => `${settingOf(name)}=${lookup(settingOf(name), find) ?? randomBytes(24).toString('base64url')}\n`).join('');
}

/** Without a user for connections that give no credentials: this server may listen beyond loopback. */
function natsUsers(users: readonly BusUser[], find: FindSetting): string {
  const passwords = users.map(({ name }) => [name, lookup(settingOf(name), find)] as const);
  const missing = passwords.filter(([, password]) => password === undefined).map(([name]) => settingOf(name));
  if (missing.length > 0)
    throw new PolybError(
      'failed_precondition',
      `Bus users without a password: set ${missing.join(', ')}; \`polyb permissions -o env >> .env\` creates the missing ones.`,
      { reason: 'bad_settings' },
    );
  const credentials = Object.fromEntries(passwords.map(([name, password = '']) => [name, { password }]));
  return natsConfig(users, { credentials });
}

const settingOf = (user: string): string => (user === operatorUser ? operatorSetting : passwordSetting(user));
