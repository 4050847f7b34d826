/** The command tree. Help, parsing, completion, `commands -o json` and docs/reference/cli.md are made from it. */
import type { Command, Group } from './command.ts';
import { buildCommands } from './tree/build.ts';
import { busCommands } from './tree/bus.ts';
import { inboxCommands } from './tree/inbox.ts';
import { intentCommands } from './tree/intents.ts';
import { journalCommands } from './tree/journal.ts';
import { keyCommands } from './tree/keys.ts';
import { systemCommands } from './tree/system.ts';
import { webhookCommands } from './tree/webhooks.ts';

export const commands: readonly Command[] = [
  ...busCommands,
  ...journalCommands,
  ...systemCommands,
  ...keyCommands,
  ...webhookCommands,
  ...inboxCommands,
  ...intentCommands,
  ...buildCommands,
];

/** Groups of `polyb help`. */
export const groups: readonly Group[] = [
  { title: 'CALL AND WATCH', commands: busCommands },
  { title: 'PIPELINES AND THE JOURNAL', commands: journalCommands },
  { title: 'RUN THE SYSTEM', commands: [...systemCommands, ...keyCommands, ...webhookCommands, ...inboxCommands] },
  { title: 'BUILD ON IT', commands: [...intentCommands, ...buildCommands] },
];
