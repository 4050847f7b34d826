import type { Command, Flag, Group } from '../kernel/command.ts';
import { exits } from '../kernel/topics.ts';
import { globalFlags } from '../kernel/tree/flags.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

/** The command line, from its own tree. */
export function cliPage(groups: readonly Group[]): Page {
  return markdown('docs/reference/cli.md', 'Command line', [
    fenced('sh', 'polyb COMMAND [ADDRESS|VERB] [name=value …] [flags]'),
    '## Global flags',
    flagTable(globalFlags),
    '## Exit statuses',
    table(
      ['status', 'name', 'meaning', 'repeat'],
      exits.map(({ status, name, means, again }) => [code(String(status)), name, means, again]),
    ),
    ...groups.flatMap(({ title, commands }) => [
      `## ${title.charAt(0)}${title.slice(1).toLowerCase()}`,
      ...commands.flatMap((command) => commandParts(command, '')),
    ]),
  ]);
}

const impacts = { ro: 'Reads only.', rw: 'Changes state.', ext: 'Can reach a customer.' };

function commandParts(command: Command, above: string): readonly (string | undefined)[] {
  const path = `${above}${command.name}`;
  return [
    `##${above === '' ? '#' : '##'} ${path}`,
    command.summary,
    command.run && fenced('sh', `polyb ${path}${command.usage === undefined ? '' : ` ${command.usage}`} [flags]`),
    [command.run && impacts[command.impact], command.aliases?.length ? `Also ${command.aliases.map(code).join(', ')}.` : undefined]
      .filter(Boolean)
      .join(' '),
    ...(command.details ?? []),
    flagTable(command.flags ?? []),
    command.examples?.length
      ? fenced('sh', command.examples.map(({ line, says }) => (says === undefined ? line : `${line}  # ${says}`)).join('\n'))
      : undefined,
    ...(command.commands ?? []).flatMap((verb) => commandParts(verb, `${path} `)),
  ];
}

function flagTable(flags: readonly Flag[]): string | undefined {
  return table(
    ['flag', 'description'],
    flags.map(({ name, short, value, optional, values, summary }) => [
      code(`${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : optional ? ` [${value}]` : ` ${value}`}`),
      `${summary}${values === undefined ? '' : ` One of ${values.map(code).join(', ')}.`}`,
    ]),
  );
}
