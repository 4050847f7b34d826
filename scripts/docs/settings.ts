/** Which settings there are, read from the services and the catalogues of vendors. */
import { z } from 'zod';
import type { Service } from '../../bus/service.ts';
import { common } from '../../config/common.ts';
import { envExample } from '../../config/example.ts';
import { type Group, settingsOf } from '../../config/read.ts';
import { defaultOf, metaOf, show } from '../../config/settings.ts';
import { code, markdown, notice, type Page, table } from './page.ts';

/** The platform's group, one for each service, and one for each vendor that a service may pick. Groups without settings are left out. */
export function groupsOf(services: Readonly<Record<string, Service>>): readonly Group[] {
  const all: Group[] = [common];
  for (const [folder, { settings, vendors }] of Object.entries(services)) {
    const kinds = Object.values(vendors).map(({ setting, catalogue, fallback }) => [
      setting,
      z
        .enum(Object.keys(catalogue))
        .meta({ expected: Object.keys(catalogue).join(', ') })
        .default(fallback)
        .describe('The vendor.'),
    ]);
    all.push({ name: folder, settings: z.object({ ...settings.shape, ...Object.fromEntries(kinds) }) });
    for (const { setting, catalogue } of Object.values(vendors))
      for (const [vendor, of] of Object.entries(catalogue))
        all.push({ name: `${folder}: ${vendor}`, settings: of.settings, when: { setting, is: vendor } });
  }
  return all.filter((group) => settingsOf(group).length > 0);
}

export function configPage(groups: readonly Group[]): Page {
  return markdown('docs/reference/config.md', 'Settings', [
    'Read from the environment, `.env`, what `polyb up` chose, and defaults, in this order. `NAME_FILE` may name a file that holds the value of `NAME`. `polyb config list` shows what holds and where it came from.',
    ...groups.flatMap((group) => [
      `## ${group.name}`,
      group.when && `Read when ${code(`${group.when.setting}=${group.when.is}`)}.`,
      table(
        ['setting', 'what', 'expects', 'default'],
        settingsOf(group).map(([name, schema]) => {
          const { description = '', expected = '', secret } = metaOf(schema);
          const fallback = show(schema, defaultOf(schema));
          const isRequired = !schema.safeParse(undefined).success;
          return [
            code(name),
            `${description}${secret ? ' Secret.' : ''}`,
            expected,
            isRequired ? '**required**' : fallback && code(fallback),
          ];
        }),
      ),
    ]),
  ]);
}

export function envPage(groups: readonly Group[]): Page {
  return { path: '.env.example', text: `# ${notice}\n${envExample(groups)}` };
}
