/** `polyb permissions`: who may call what on the bus, as our own nats-server enforces it. */
import { lookup, openSources } from '../../../config/env.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { nearest } from '../kernel/nearest.ts';
import { expectedServices } from './expected.ts';
import { busUsers } from './nats-users.ts';

export async function permissions({ args, out, env }: Invocation): Promise<number> {
  const users = busUsers(await expectedServices(), lookup('POLYB_SUBJECT_PREFIX', openSources({ env })) ?? 'polyb');
  const names = users.map(({ name }) => name);
  for (const name of args)
    if (!names.includes(name))
      throw wrongUsage(`there is no bus user ${name}`, {
        subject: 'permissions',
        close: nearest(name, names),
        next: [`users: ${names.join(' ')}`],
      });
  const shown = args.length === 0 ? users : users.filter(({ name }) => args.includes(name));
  const rows = shown.flatMap(({ name, publish, subscribe }) => [
    ...publish.allow.map((subject) => [name, 'publish', subject]),
    ...publish.deny.map((subject) => [name, 'never publish', subject]),
    ...subscribe.allow.map((subject) => [name, 'subscribe', subject]),
  ]);
  await out.result({ users: shown }, { table: () => ({ columns: ['USER', 'MAY', 'SUBJECT'], rows }), items: shown });
  return 0;
}
