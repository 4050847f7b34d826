import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { natsConfig, permissions } from '../../bus/server/permissions.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import type { Transport } from '../../bus/transports/transport.ts';
import type { Method } from '../../contracts/kit/define.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices, serviceFolders } from '../../runtime/services.ts';
import { startNats } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { rightsOf, type Verb } from './bus-rights.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

export const t15: FaultTest = {
  id: 'T15',
  title: 'every bus user of the real services at every subject and in every name, forged replies, and ears at other inboxes',
  async run({ seed, full, control, signal, log }) {
    const services = (await loadServices(await serviceFolders())).map(({ folder, service: { serves, uses, discovers } }) => ({
      folder,
      serves,
      uses,
      discovers,
    }));
    const rights = rightsOf(services);
    const random = randomFrom(seed);
    const credentials = Object.fromEntries(rights.users.map((user) => [user, { password: `password-of-${user}` }]));
    const config = control ? withoutPermissions(rights.users) : natsConfig(permissions(services), { credentials });
    const dir = temporaryDir();
    const server = await startNats({ dir, temporary: true, signal, configFile: await written(dir, config) });
    const connections: Transport[] = [];
    const as = async (name: string): Promise<Transport> => {
      const connection = await connectNats({
        servers: server.url,
        name,
        inboxUser: name,
        user: name,
        pass: `password-of-${name}`,
        signal,
        timeoutMs: 10_000,
      });
      connections.push(connection);
      return connection;
    };
    try {
      const subjects = [...rights.subjects, ...Array.from({ length: full ? 5_000 : 100 }, () => mutant(random, rights.subjects))];
      const counts = { checks: 0, unexpectedAllows: 0, unexpectedDenies: 0 };
      for (const user of rights.users) {
        const refused = await refusals(await as(user), subjects);
        for (const verb of ['publish', 'subscribe'] as const)
          for (const subject of subjects) {
            if (verb === 'publish' && /[*>]/.test(subject)) continue;
            const [may, did] = [rights.may(user, verb, subject), !refused.has(`${verb} ${subject}`)];
            counts.checks += 1;
            if (may === did) continue;
            if (did) counts.unexpectedAllows += 1;
            else counts.unexpectedDenies += 1;
            if (!control && counts.unexpectedAllows + counts.unexpectedDenies <= 20)
              log(`${user} ${did ? 'may' : 'may not'} ${verb} ${subject}`);
          }
      }
      const { forged, landed } = await forgeReplies(services, as, control);
      const overheard = await snoop(rights.users, as);
      const harm = counts.unexpectedAllows + landed + overheard + (control ? 0 : counts.unexpectedDenies);
      return {
        ok: harm === 0,
        harm,
        users: rights.users.length,
        subjects: subjects.length,
        ...counts,
        forgedReplies: forged,
        forgedLanded: landed,
        overheard,
      };
    } finally {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
    }
  },
};

async function written(dir: string, config: string): Promise<string> {
  const file = join(dir, 'users.conf');
  await writeFile(file, config);
  return file;
}
function withoutPermissions(users: readonly string[]): string {
  const all = users.map((user) => `{ user: "${user}", password: "password-of-${user}" }`);
  return `accounts { POLYB { users [ ${all.join('\n')} ] } }\n`;
}

/** A subject with one word changed, taken away, added or made a pattern. None of them is anything that PolyB uses. */
function mutant(random: Random, subjects: readonly string[]): string {
  const words = random.pick(subjects).split('.');
  const at = random.int(0, words.length - 1);
  const odd = `x${random.int(0, 1e6)}`;
  switch (random.int(0, 3)) {
    case 0:
      return words.with(at, odd).join('.');
    case 1:
      return words.with(at, `${words[at]?.replace(/[*>]/g, '')}${odd}`).join('.');
    case 2:
      return [...words.filter((word) => word !== '>'), odd, odd].join('.');
    default:
      return words.with(at, '*').join('.');
  }
}

/** `publish x` and `subscribe y` for what the server refused. */
async function refusals(connection: Transport, subjects: readonly string[]): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  const add = (verb: Verb, subject: string) => void refused.add(`${verb} ${subject}`);
  connection.onRefused((subject) => add('publish', subject));
  for (let from = 0; from < subjects.length; from += 200) {
    const some = subjects.slice(from, from + 200);
    const heard = some.map((subject) => connection.subscribe(subject, () => {}, { onError: () => add('subscribe', subject) }));
    await connection.flush();
    for (const subscription of heard) subscription.unsubscribe();
    for (const subject of some) if (!/[*>]/.test(subject)) connection.publish(subject, '');
    await connection.flush();
  }
  await connection.flush(); // refusals come before the answer to it
  return refused;
}

/** Asks every service for whatever a guest may ask, with a closed method as the address for the answer. */
async function forgeReplies(
  services: readonly { readonly folder: string; readonly serves: Parameters<typeof rightsOf>[0][number]['serves'] }[],
  as: (user: string) => Promise<Transport>,
  control: boolean,
): Promise<{ forged: number; landed: number }> {
  const methods = services.flatMap(({ folder, serves }) =>
    Object.values(serves).flatMap((contract) =>
      Object.values(contract).flatMap((entry) => (entry.kind === 'method' ? [{ folder, entry }] : [])),
    ),
  );
  const isOpen = ({ roles, reaches, owner, idempotency }: Method) =>
    roles === undefined && reaches === undefined && owner === undefined && idempotency === 'read';
  const closed = methods.filter(({ entry }) => entry.roles !== undefined && !entry.roles.includes('operator'));
  const guest = await as('guest');
  const buses: BusHost[] = [];
  let [forged, landed] = [0, 0];
  try {
    for (const { folder, entry } of closed) {
      const victim = await as(folder);
      victim.subscribe(`polyb.rpc.${entry.address}.by.*`, () => {
        landed += 1;
      });
      await victim.flush();
    }
    for (const { folder } of services) {
      const open = methods.filter((method) => method.folder === folder && isOpen(method.entry)).map(({ entry }) => entry);
      const deputy = await as(folder);
      if (control) for (const { address } of open) deputy.subscribe(`polyb.rpc.${address}`, ({ reply }) => deputy.publish(reply, '{}'));
      else {
        const bus = createBus({ transport: deputy, name: folder, uses: [], log: quiet });
        buses.push(bus);
        await bus.serve(open, Object.fromEntries(open.map(({ address }) => [address, async () => ({})])));
      }
      await deputy.flush();
      for (const { address } of open)
        for (const target of closed) {
          forged += 1;
          guest.publish(`polyb.rpc.${address}`, '{}', '', `polyb.rpc.${target.entry.address}.by.${folder}`);
        }
      await guest.flush();
      await deputy.flush();
      await deputy.rtt();
    }
    await guest.flush();
  } finally {
    await Promise.all(buses.map((bus) => bus.close({ graceMs: 500 })));
  }
  return { forged, landed };
}

/** Everybody listens at everybody's inbox and at all patterns that cover it, alone and in a group; then everybody is sent an answer. */
async function snoop(users: readonly string[], as: (user: string) => Promise<Transport>): Promise<number> {
  let overheard = 0;
  // The user for all services in one process holds the inboxes of them all.
  const people = users.filter((user) => user !== 'all');
  const ears = await Promise.all(people.map(async (user) => ({ user, at: await as(user) })));
  for (const { user, at } of ears) {
    const patterns = [
      '>',
      '_INBOX.>',
      '_INBOX.*',
      '_INBOX.*.*',
      '_INBOX.*.*.*',
      ...people.flatMap((name) => [`_INBOX.${name}.>`, `_INBOX.${name}.*.*`]),
    ];
    for (const pattern of patterns)
      for (const queue of [undefined, 'q'])
        at.subscribe(
          pattern,
          ({ subject }) => {
            if (subject.startsWith('_INBOX.') && subject.split('.')[1] !== user) overheard += 1;
          },
          { ...(queue && { queue }), onError: () => {} },
        );
  }
  await Promise.all(ears.map(({ at }) => at.flush()));
  for (const { at: sender } of ears) for (const { user } of ears) sender.publish(`_INBOX.${user}.i.1`, 'secret');
  for (let round = 0; round < 2; round += 1) await Promise.all(ears.map(({ at }) => at.flush()));
  return overheard;
}
