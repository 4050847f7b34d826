/** From words to an exit status. What a command needs beyond this is imported by the command. */
import { exitOf, type PolybError } from '../../../contracts/kit/errors.ts';
import type { Command } from './command.ts';
import { allGroups, commands } from './commands.ts';
import { refusal, wrongUsage } from './failure.ts';
import { type Found, findCommand } from './find.ts';
import { type Flags, flagsOf } from './flags.ts';
import { failureOf } from './host-failure.ts';
import { nearest } from './nearest.ts';
import { createOutput, type Output } from './output.ts';
import { leadingFlags, parseCommand } from './parse.ts';
import { systemCommands } from './tree/system.ts';

/** Runs one command line in this process and ends it with its status. */
export async function main(words: readonly string[]): Promise<void> {
  const { stdout, stderr } = process;
  // `polyb list | head -1` closes our stdout: everything that was wanted has been read.
  stderr.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 7));
  stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
    stderr.write(
      `✗ the result cannot be written to stdout: ${code === 'ENOSPC' ? 'the disk is full' : code} (the request was executed)\n`,
      () => process.exit(7),
    );
  });
  const stop = untilSignal();
  const status = await run(words, stop.signal);
  // Waits for what is still on its way to a pipe, and does not wait for sockets that a failure left open.
  await new Promise<void>((done) => stdout.write('', () => stderr.write('', () => done())));
  process.exit(stop.status() ?? status);
}

async function run(typed: readonly string[], signal: AbortSignal): Promise<number> {
  let out = plainOutput(typed);
  try {
    const { leading, words } = leadingFlags(typed);
    if (words.length === 0) return await withoutCommand(leading, out);
    const found = findCommand(commands, words) ?? (await findInAll(words));
    const { command, path, rest } = found;
    const { values, args } = parseCommand(command, path, [...leading, ...rest]);
    const flags = flagsOf(values, process.env, path);
    out = outputFor(flags);
    for (const name of ['timeout', 'connect-timeout']) flags.ms(name); // the environment gives them too
    if (flags.on('help')) {
      await (await import('./help.ts')).helpOn(found, args, out);
      return 0;
    }
    if (command.run === undefined)
      throw unknownVerb(
        command.name,
        args[0],
        (command.commands ?? []).map(({ name }) => name),
      );
    const [name = ''] = path.split(' ');
    if (flags.text('context') !== undefined && systemCommands.some((own) => own.name === name))
      throw wrongUsage(`${name} works on the system of this checkout, and on no context`, { subject: path });
    const run = await command.run();
    return await run({ path, args, flags, out, signal, env: process.env, groups: allGroups });
  } catch (thrown) {
    const error = failureOf(thrown, signal);
    out.failure(error);
    return exitOf(error);
  }
}

async function withoutCommand(leading: readonly string[], out: Output): Promise<number> {
  const isAsked = leading.length === 0 || leading.includes('-h') || leading.includes('--help');
  if (!isAsked) throw wrongUsage(`expected a command after ${leading.join(' ')}`, { subject: 'polyb', next: ['polyb help'] });
  const { helpOverview } = await import('./help.ts');
  out.print(helpOverview(await allGroups(), out.paint));
  return 0;
}

function outputFor(flags: Flags): Output {
  const { stdout, stderr, stdin, env } = process;
  return createOutput({ flags, stdout, stderr, stdinIsTty: stdin.isTTY === true, env, now: Date.now });
}

/** For failures before the flags are known. --envelope must hold even then. */
function plainOutput(words: readonly string[]): Output {
  return outputFor(flagsOf({ envelope: words.includes('--envelope'), output: 'pretty' }, {}, ''));
}

async function findInAll(words: readonly string[]): Promise<Found> {
  const all = (await allGroups()).flatMap((group) => group.commands);
  const found = findCommand(all, words);
  if (found === undefined) throw unknownCommand(words[0] ?? '', all);
  return found;
}

function unknownCommand(name: string, all: readonly Command[]): PolybError {
  const close = nearest(
    name,
    all.flatMap((command) => [command.name, ...(command.aliases ?? [])]),
  );
  const hint = /^[a-z_]+\.[a-z_]+$/.test(name) ? [`polyb call ${name}`] : [];
  return wrongUsage(`there is no command ${name}`, { subject: 'polyb', close, next: [...hint, 'polyb help'] });
}

function unknownVerb(noun: string, verb: string | undefined, verbs: readonly string[]): PolybError {
  const message =
    verb === undefined ? `expected one of ${verbs.join(', ')}` : `there is no ${noun} ${verb}; expected one of ${verbs.join(', ')}`;
  return wrongUsage(message, {
    subject: noun,
    close: nearest(verb ?? '', verbs).filter(() => verb !== undefined),
    next: [`polyb ${noun} --help`],
  });
}

/** Fires on the first SIGINT or SIGTERM; the second ends the process at once. */
function untilSignal(): { readonly signal: AbortSignal; status(): number | undefined } {
  const controller = new AbortController();
  let status: number | undefined;
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (status !== undefined) process.exit(code);
      status = code;
      controller.abort(refusal('cancelled', `stopped by ${name}`));
    });
  }
  return { signal: controller.signal, status: () => status };
}
