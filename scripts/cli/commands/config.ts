/** `polyb config`: which settings there are, what they are, and where each comes from. Secrets are never shown. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Invocation } from '../kernel/command.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';
import { nearest } from '../kernel/nearest.ts';

interface Setting {
  readonly name: string;
  readonly group: string;
  readonly value: string | null;
  readonly origin: string;
  readonly what: string;
  readonly problem?: string;
}

export async function allSettings({ env }: Pick<Invocation, 'env'>): Promise<readonly Setting[]> {
  const [
    { settingGroups },
    { loadServices, serviceFolders },
    { conditionOf, connectionsOf, settingsOf },
    { openSources },
    { defaultOf, metaOf, show },
  ] = await Promise.all([
    import('../docs/settings.ts'),
    import('../../../runtime/services.ts'),
    import('../../../config/read.ts'),
    import('../../../config/env.ts'),
    import('../../../config/settings.ts'),
  ]);
  const find = openSources({ env });
  const told = new Set<string>();
  const groups = settingGroups(await loadServices(await serviceFolders()));
  const read = groups.flatMap((group) => connectionsOf(group, find).map((connection) => ({ group, connection })));
  return read.flatMap(({ group, connection }) =>
    settingsOf(group, connection).flatMap(([name, schema]): Setting[] => {
      if (told.has(name)) return [];
      told.add(name);
      const { before = [], description = '' } = metaOf(schema);
      const found = find(...before, name);
      const fallback = defaultOf(schema);
      const head = {
        name,
        group: group.when === undefined ? group.name : `${group.name} (${conditionOf(group.when)})`,
        what: description,
      };
      if (found === undefined)
        return [
          {
            ...head,
            value: fallback === undefined ? null : show(schema, fallback),
            origin: fallback === undefined ? 'not set' : 'default',
          },
        ];
      if ('problem' in found) return [{ ...head, value: null, origin: 'unreadable', problem: found.problem }];
      const isRight = schema.safeParse(found.value).success;
      const { expected = 'another value' } = metaOf(schema);
      return [{ ...head, value: show(schema, found.value), origin: found.from, ...(isRight ? {} : { problem: `expected ${expected}` }) }];
    }),
  );
}

export async function listConfig(invocation: Invocation): Promise<number> {
  const { args, flags, out } = invocation;
  const all = await allSettings(invocation);
  const [service] = args;
  const wanted = all.filter(
    ({ group, origin }) =>
      (service === undefined || group.startsWith(service)) && (!flags.on('set') || !['default', 'not set'].includes(origin)),
  );
  if (service !== undefined && wanted.length === 0) {
    throw refusal('not_found', 'no settings of that name', {
      subject: service,
      effect: 'nothing_done',
      close: nearest(service, [...new Set(all.map(({ group }) => group))]),
    });
  }
  const withOrigin = flags.on('origin');
  await out.result(wanted, {
    table: () => ({
      columns: ['SETTING', 'VALUE', ...(withOrigin ? ['FROM'] : []), 'OF'],
      rows: wanted.map(({ name, value, origin, group, problem }) => [
        name,
        problem === undefined ? (value ?? '') : `WRONG: ${problem}`,
        ...(withOrigin ? [origin] : []),
        group,
      ]),
    }),
  });
  const wrong = wanted.filter(({ problem }) => problem !== undefined);
  for (const { name, problem } of wrong) out.note(`${name}: ${problem}`, 'bad');
  return wrong.length > 0 ? 9 : 0;
}

export async function getConfig(invocation: Invocation): Promise<number> {
  const { args, flags, out, path } = invocation;
  const [name] = args;
  if (name === undefined) throw wrongUsage('expected the name of a setting', { subject: path, next: ['polyb config list'] });
  const all = await allSettings(invocation);
  const found = all.find((setting) => setting.name === name);
  if (found === undefined) {
    throw refusal('not_found', `there is no setting ${name}`, {
      subject: path,
      effect: 'nothing_done',
      close: nearest(
        name,
        all.map((setting) => setting.name),
      ),
      next: ['polyb config list'],
    });
  }
  const { value, origin } = found;
  // `$(polyb config get NAME)` wants the value alone.
  if (flags.text('output') === undefined) out.print(value ?? '');
  else await out.result(found);
  out.note(`from ${origin}`);
  return value === null ? 3 : 0;
}

export async function configPath({ out, env }: Invocation): Promise<number> {
  const root = join(import.meta.dirname, '..', '..', '..');
  const files = [join(root, '.env'), join(root, '.polyb', 'run.json'), join(env.HOME || homedir(), '.secrets')].map((path) => ({
    path,
    exists: existsSync(path),
  }));
  await out.result(files, { text: () => files.map(({ path, exists }) => `${path}${exists ? '' : '  (does not exist)'}`).join('\n') });
  return 0;
}
