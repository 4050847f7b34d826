/** The command tree, but for the commands of services, which are loaded when no other fits. Help, parsing, completion, `commands -o json` and docs/reference/cli.md are made from it. */
import type { Command, Group } from './command.ts';
import { buildCommands } from './tree/build.ts';
import { busCommands } from './tree/bus.ts';
import { journalCommands } from './tree/journal.ts';
import { keyCommands } from './tree/keys.ts';
import { peopleCommands } from './tree/people.ts';
import { systemCommands } from './tree/system.ts';
import { webhookCommands } from './tree/webhooks.ts';

export const commands: readonly Command[] = [
  ...busCommands,
  ...journalCommands,
  ...systemCommands,
  ...keyCommands,
  ...peopleCommands,
  ...webhookCommands,
  ...buildCommands,
];

/** Groups of `polyb help`, with the commands of services. */
export async function allGroups(): Promise<readonly Group[]> {
  const { serviceCommands } = await import('./service-commands.ts');
  return [
    { title: 'CALL AND WATCH', commands: busCommands },
    { title: 'PIPELINES AND THE JOURNAL', commands: journalCommands },
    { title: 'RUN THE SYSTEM', commands: [...systemCommands, ...keyCommands, ...peopleCommands, ...webhookCommands] },
    { title: 'MAINTAIN SERVICES', commands: await serviceCommands() },
    { title: 'BUILD ON IT', commands: buildCommands },
  ];
}
