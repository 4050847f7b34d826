/** Words on the command line → arguments and flags of one command. */
import { parseArgs } from 'node:util';
import type { Command, Flag } from './command.ts';
import { wrongUsage } from './failure.ts';
import { durationForm, durationMs, type FlagValues } from './flags.ts';
import { nearest } from './nearest.ts';
import { globalFlags } from './tree/flags.ts';

export interface Parsed {
  readonly args: readonly string[];
  readonly values: FlagValues;
}

export function parseCommand(command: Command, path: string, words: readonly string[]): Parsed {
  const own = command.flags ?? [];
  // A command may take more values for a global flag than others do.
  const flags = [...own, ...globalFlags.filter(({ name }) => !own.some((flag) => flag.name === name))];
  try {
    const { values, positionals, tokens } = parseArgs({
      args: spellOut(words, flags),
      allowPositionals: true,
      tokens: true,
      options: Object.fromEntries(flags.map((flag) => [flag.name, option(flag)])),
    });
    for (const flag of flags) checkValue(flag, path, values[flag.name]);
    for (const flag of own) checkOnce(flag, path, tokens.filter((token) => token.kind === 'option' && token.name === flag.name).length);
    return { args: positionals, values };
  } catch (error) {
    throw explain(error, path, flags);
  }
}

/** Global flags that stand before the command, and the words from the command on. @throws invalid_argument for any other flag there. */
export function leadingFlags(words: readonly string[]): { readonly leading: readonly string[]; readonly words: readonly string[] } {
  let at = 0;
  while (words[at]?.startsWith('-')) {
    const word = words[at] ?? '';
    const [name = ''] = word.split('=');
    const flag = globalFlags.find((each) => name === `--${each.name}` || (each.short !== undefined && word.startsWith(`-${each.short}`)));
    if (flag === undefined)
      throw wrongUsage(`${name} is not a global flag; the flags of a command come after its name`, {
        subject: 'polyb',
        next: ['polyb help flags'],
      });
    const isWhole = flag.value === undefined || word.includes('=') || (!word.startsWith('--') && word.length > 2);
    at += isWhole ? 1 : 2;
  }
  return { leading: words.slice(0, at), words: words.slice(at) };
}

function option(flag: Flag) {
  return {
    type: flag.value === undefined ? ('boolean' as const) : ('string' as const),
    ...(flag.short === undefined ? {} : { short: flag.short }),
    ...(flag.many === undefined ? {} : { multiple: true }),
  };
}

/** A flag whose value is optional gets an empty one when a flag, a parameter or nothing follows it. */
function spellOut(words: readonly string[], flags: readonly Flag[]): string[] {
  const optional = new Set(flags.filter((flag) => flag.optional).map((flag) => `--${flag.name}`));
  return words.flatMap((word, index) => {
    const next = words[index + 1];
    const isAlone = next === undefined || (next.startsWith('-') && next !== '-') || next.includes('=');
    return optional.has(word) && isAlone ? [`${word}=`] : [word];
  });
}

function checkValue(flag: Flag, path: string, value: unknown): void {
  if (typeof value !== 'string') return;
  const isGood = flag.value === 'DUR' ? durationMs(value) !== undefined : (flag.values?.includes(value) ?? true);
  if (isGood) return;
  throw wrongUsage(`--${flag.name}: expected ${flag.values?.join(', ') ?? durationForm}; got "${value}"`, {
    subject: path,
    next: [`polyb ${path} --help`],
  });
}

/** Of two values the first would be lost without a word. A global flag may be repeated: a script sets one, and a person another. */
function checkOnce({ name, value, many }: Flag, path: string, times: number): void {
  if (times < 2 || value === undefined || many !== undefined) return;
  throw wrongUsage(`--${name} is given ${times} times; it takes one value`, { subject: path, next: [`polyb ${path} --help`] });
}

function explain(error: unknown, path: string, flags: readonly Flag[]): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const message = String((error as { message?: unknown } | null)?.message);
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const given = /'(-{1,2}[^' =]+)/.exec(message)?.[1] ?? '';
    const close = nearest(
      given.replace(/^-+/, ''),
      flags.map((flag) => flag.name),
    ).map((name) => `--${name}`);
    return wrongUsage(`there is no flag ${given}`, { subject: path, close, next: [`polyb ${path} --help`] });
  }
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    return wrongUsage(message.split('\n')[0]?.replace(/^Option /, '') ?? message, { subject: path, next: [`polyb ${path} --help`] });
  }
  return error;
}
