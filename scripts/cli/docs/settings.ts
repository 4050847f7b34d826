/** Which settings there are, as a page and as an example file. */
import { envExample } from '../../../config/example.ts';
import { conditionOf, type Group, settingsOf } from '../../../config/read.ts';
import { defaultOf, metaOf, show } from '../../../config/settings.ts';
import { allGroups, type Loaded } from '../../../runtime/services.ts';
import { code, markdown, notice, type Page, table } from './page.ts';

/** Those that have settings. */
export function settingGroups(services: readonly Loaded[]): readonly Group[] {
  return allGroups(services).filter((group) => settingsOf(group).length > 0);
}

export function configPage(groups: readonly Group[]): Page {
  return markdown('docs/reference/config.md', 'Settings', [
    'A value comes from the first of: the environment, `.env`, `.polyb/run.json` (written by `polyb up`), `~/.secrets/<group>/<name>.env`, the default. `NAME_FILE` may name a file that contains the value of `NAME`. `polyb config list --origin` shows each value and its source.',
    ...groups.flatMap((group) => [
      `## ${group.name}`,
      group.when && `Read when ${code(conditionOf(group.when))}.`,
      table(
        ['setting', 'description', 'expects', 'default'],
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
