/** Help at every level, made from the command tree: usage, flags, examples, what else to see. */
import type { Command, Group, Invocation } from './command.ts';
import { wrongUsage } from './failure.ts';
import { type Found, findCommand } from './find.ts';
import { flagLines } from './flag-lines.ts';
import { nearest } from './nearest.ts';
import type { Output } from './output.ts';
import { padEnd } from './text.ts';
import { topicNames } from './tree/topics.ts';

type Paint = Output['paint'];

export function helpOverview(groups: readonly Group[], paint: Paint): string {
  const commands = groups.flatMap((group) => group.commands);
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const sections = groups.map(({ title, commands: members }) =>
    section(
      paint,
      title,
      members.map(({ name, summary }) => `${padEnd(name, width)}${summary}`),
    ),
  );
  return [
    'polyb: call any CRM, call or chat capability by its name.',
    section(paint, 'USAGE', ['polyb COMMAND [ADDRESS|VERB] [name=value …] [flags]']),
    ...sections,
    section(paint, 'FIRST STEPS', [
      'polyb up',
      'polyb list',
      'polyb describe crm.push_to_crm',
      'polyb call crm.push_to_crm firstName=Иван phoneNumber=+79995553322',
    ]),
    section(paint, 'MORE', ['polyb COMMAND --help', `polyb help TOPIC    ${topicNames.join(', ')}`]),
  ].join('\n\n');
}

export function helpCommand(path: string, command: Command, paint: Paint): string {
  const verbs = command.commands ?? [];
  const usage = [
    ...(command.run === undefined ? [] : [`polyb ${path}${command.usage === undefined ? '' : ` ${command.usage}`} [flags]`]),
    ...verbs.map((verb) => `polyb ${path} ${verb.name}${verb.usage === undefined ? '' : ` ${verb.usage}`}`),
  ];
  const width = Math.max(0, ...verbs.map(({ name }) => name.length)) + 2;
  const examples = (command.examples ?? []).concat(verbs.flatMap((verb) => (verb.examples ?? []).slice(0, 1)));
  return [
    `polyb ${path}: ${command.summary}`,
    section(paint, 'USAGE', usage),
    ...(command.details === undefined ? [] : [command.details.join('\n')]),
    ...(verbs.length === 0
      ? []
      : [
          section(
            paint,
            'VERBS',
            verbs.map(({ name, summary }) => `${padEnd(name, width)}${summary}`),
          ),
        ]),
    ...(command.flags === undefined || command.flags.length === 0 ? [] : [section(paint, 'FLAGS', flagLines(command.flags))]),
    ...(examples.length === 0
      ? []
      : [
          section(
            paint,
            'EXAMPLES',
            examples.map(({ line, says }) => (says === undefined ? line : `${line}    # ${says}`)),
          ),
        ]),
    ...(command.seeAlso === undefined
      ? []
      : [
          section(
            paint,
            'SEE ALSO',
            command.seeAlso.map((name) => `polyb ${name}`),
          ),
        ]),
    'Global flags: polyb help flags',
  ].join('\n\n');
}

function section(paint: Paint, title: string, lines: readonly string[]): string {
  return [paint('bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}

/** `--help` of a command; beside an address, what that method takes. */
export async function helpOn({ command, path }: Found, args: readonly string[], out: Output): Promise<void> {
  const [address] = args;
  if (command.completes === 'address' && path === 'call' && address !== undefined) {
    const { describeOffline } = await import('../commands/describe.ts');
    out.print(await describeOffline(address, out));
    return;
  }
  out.print(helpCommand(path, command, out.paint));
}

/** `polyb help [COMMAND|TOPIC]`. */
export async function help({ args, out, groups }: Invocation): Promise<number> {
  const [name] = args;
  const all = await groups();
  if (name === undefined) {
    out.print(helpOverview(all, out.paint));
    return 0;
  }
  const commands = all.flatMap((group) => group.commands);
  const found = findCommand(commands, args);
  if (found !== undefined) {
    out.print(helpCommand(found.path, found.command, out.paint));
    return 0;
  }
  const { topics } = await import('./topics.ts');
  const topic = topics[name];
  if (topic === undefined) {
    const names = [...topicNames, ...commands.map((command) => command.name)];
    throw wrongUsage(`there is no command or help topic ${name}`, {
      subject: 'help',
      close: nearest(name, names),
      next: [`polyb help ${topicNames.join('|')}`],
    });
  }
  out.print(topic());
  return 0;
}
