import type { z } from 'zod';
import { conditionOf, type Group, settingsOf } from './read.ts';
import { defaultOf, metaOf, show } from './settings.ts';

/** The text of `.env.example`: every setting of every group once, with its description and default. */
export function envExample(groups: readonly Group[]): string {
  const told = new Set<string>();
  const sections = groups.flatMap((group) => {
    const fresh = settingsOf(group).filter(([name]) => !told.has(name));
    for (const [name] of fresh) told.add(name);
    const only = group.when ? `, read when ${conditionOf(group.when)}` : '';
    return fresh.length === 0
      ? []
      : [[`# --- ${group.name}${only} ---`, ...fresh.map(([name, schema]) => entry(name, schema))].join('\n\n')];
  });
  const head =
    '# Copy to .env and set the values that differ from the defaults. NAME_FILE may name a file that contains the value of NAME.';
  return `${[head, ...sections].join('\n\n')}\n`;
}

function entry(name: string, schema: z.ZodType): string {
  const { description, expected, secret } = metaOf(schema);
  const fallback = defaultOf(schema);
  const optional = schema.safeParse(undefined).success;
  const notes = [expected && `Expects ${expected}.`, secret && 'Secret.', optional ? undefined : 'Required.'].filter(Boolean);
  const lines = [description, notes.join(' ')].filter(Boolean).map((line) => `# ${line}`);
  return [...lines, `${optional ? '#' : ''}${name}=${fallback === undefined ? '' : show(schema, fallback)}`].join('\n');
}
