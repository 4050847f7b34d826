/** The values of a command's flags, read by name and turned into what they mean. */
import { wrongUsage } from './failure.ts';

export interface Flags {
  on(name: string): boolean;
  /** How often a switch was given. */
  count(name: string): number;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  /** A length of time as ms: `500ms`, `3s`, `2m`, `1h`, `1d`, or bare seconds. */
  ms(name: string): number | undefined;
  whole(name: string, least?: number): number | undefined;
}
export type FlagValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const durationForm = 'a length of time, e.g. 500ms, 3s, 2m';
/** ms of `500ms`, `3s`, `2m`, `1h`, `1d`, `2.5` (seconds); undefined when it is none of these. */
export function durationMs(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  return found === null ? undefined : Math.round(Number(found[1]) * (unitMs[found[2] ?? 's'] ?? 1000));
}

export function flagsOf(values: FlagValues, env: Readonly<Record<string, string | undefined>>, command: string): Flags {
  const text = (name: string): string | undefined => {
    const value = values[name] ?? env[fromEnv[name] ?? ''];
    return typeof value === 'string' ? value : undefined;
  };
  const parsed = <T>(name: string, expected: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const result = parse(value);
    if (result === undefined)
      throw wrongUsage(`${values[name] === undefined ? fromEnv[name] : `--${name}`}: expected ${expected}; got "${value}"`, {
        subject: command,
        next: [`polyb ${command} --help`],
      });
    return result;
  };
  const given = (name: string): readonly (string | boolean)[] => {
    const value = values[name];
    return value === undefined ? [] : typeof value === 'object' ? value : [value];
  };
  return {
    on: (name) => values[name] === true,
    count: (name) => given(name).length,
    text,
    list: (name) => given(name).filter((value) => typeof value === 'string'),
    ms: (name) => parsed(name, durationForm, durationMs),
    whole: (name, least = 1) =>
      parsed(name, `a whole number of at least ${least}`, (value) =>
        /^\d{1,9}$/.test(value) && Number(value) >= least ? Number(value) : undefined,
      ),
  };
}

/** Flags that the environment can give; the flag wins. */
export const fromEnv: Readonly<Record<string, string>> = {
  output: 'POLYB_OUTPUT',
  timeout: 'POLYB_TIMEOUT',
  'connect-timeout': 'POLYB_CONNECT_TIMEOUT',
};
