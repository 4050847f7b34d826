/** The command tree for machines: docs, completion and agents read it. */
import type { Command, Invocation } from '../kernel/command.ts';
import { globalFlags } from '../kernel/tree/flags.ts';

/** A command without its code. */
export interface CommandFact extends Omit<Command, 'run' | 'commands'> {
  readonly path: string;
  readonly runs: boolean;
  readonly commands: readonly CommandFact[];
}

export function commandFacts(tree: readonly Command[], above = ''): readonly CommandFact[] {
  return tree.map(({ run, commands: verbs = [], ...command }) => {
    const path = `${above}${command.name}`;
    return { path, ...command, runs: run !== undefined, commands: commandFacts(verbs, `${path} `) };
  });
}

export async function listCommands({ out, groups }: Invocation): Promise<number> {
  const facts = commandFacts((await groups()).flatMap(({ commands }) => commands));
  const flat = facts.flatMap((fact) => [fact, ...fact.commands]).filter(({ runs }) => runs);
  await out.result(
    { globalFlags, commands: facts },
    {
      table: () => ({
        columns: ['COMMAND', 'IMPACT', 'SUMMARY'],
        rows: flat.map(({ path, usage = '', impact, summary }) => [`${path} ${usage}`, impact, summary]),
      }),
      items: flat,
    },
  );
  return 0;
}
