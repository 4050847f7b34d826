/** A command of the command line in this process, over a connection of its own. */
import { exitOf, type PolybError } from '../../contracts/kit/errors.ts';
import type { Command } from '../../scripts/cli/kernel/command.ts';
import { allGroups } from '../../scripts/cli/kernel/commands.ts';
import { findCommand } from '../../scripts/cli/kernel/find.ts';
import { flagsOf } from '../../scripts/cli/kernel/flags.ts';
import { failureOf } from '../../scripts/cli/kernel/host-failure.ts';
import { createOutput } from '../../scripts/cli/kernel/output.ts';
import { parseCommand } from '../../scripts/cli/kernel/parse.ts';
import type { Said } from './checkout.ts';

const latin1 = (text: string | Uint8Array): string => (typeof text === 'string' ? text : Buffer.from(text).toString('latin1'));

export interface CommandOptions {
  readonly natsUrl: string;
  /** Settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Each piece of stderr, as it comes. */
  readonly onNote?: (text: string) => void;
  /** Each piece of stdout. */
  readonly onText?: (text: string) => void;
}

/** Bytes on stdout have one character each. */
export async function runCommand(
  commands: readonly Command[],
  words: readonly string[],
  { natsUrl, env: more = {}, signal = AbortSignal.timeout(60_000), onNote = () => {}, onText = () => {} }: CommandOptions,
): Promise<Said> {
  const found = findCommand(commands, words);
  if (found === undefined) throw new Error(`no command in ${words.join(' ')}`);
  const { values, args } = parseCommand(found.command, found.path, found.rest);
  const env = { NATS_USER: 'operator', POLYB_NATS_URL: natsUrl, NO_COLOR: '1', POLYB_CONNECT_TIMEOUT: '30s', ...more };
  const flags = flagsOf(values, env, found.path);
  const said = { stdout: '', stderr: '' };
  const note = (text: string) => {
    said.stderr += text;
    onNote(text);
  };
  const print = (text: string) => {
    said.stdout += text;
    onText(text);
    return true;
  };
  const out = createOutput({
    ...{ flags, env, now: Date.now, stdinIsTty: false },
    ...{
      stdout: { write: (text: string | Uint8Array) => print(latin1(text)) },
      stderr: { write: (text: string | Uint8Array) => note(latin1(text)) },
    },
  });
  const run = await found.command.run?.();
  const status = await run?.({ path: found.path, args, flags, out, signal, env, groups: allGroups }).catch((thrown: unknown) => {
    const error: PolybError = failureOf(thrown, signal);
    out.failure(error);
    return exitOf(error);
  });
  return { status: status ?? -1, ...said };
}
