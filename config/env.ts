/** Sources of setting values. Loads no zod: the command line reads NATS_URL and a few others on its shortest path. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { PolybError } from '../contracts/kit/errors.ts';

/** The text and source of a setting, or the reason why it cannot be read. Never contains a value in an error. */
export type SettingText = { readonly value: string; readonly from: string } | { readonly problem: string };
/** Searches every source for the first of `names`, then for the next. An empty value counts as unset. */
export type FindSetting = (...names: readonly string[]) => SettingText | undefined;
type Source = (name: string) => SettingText | undefined;
type Values = Readonly<Record<string, string | undefined>>;

/**
 * Sources, highest precedence first: the environment, `.env`, `.polyb/run.json` (values chosen by `polyb up`), `~/.secrets/<group>/<name>.env`.
 * In each, `NAME_FILE` names a file that contains the value of `NAME`. Each file is read once, when first needed.
 */
export function openSources(
  options: { readonly env?: Values | undefined; readonly root?: string | undefined; readonly home?: string | undefined } = {},
): FindSetting {
  const { env = process.env, root = join(import.meta.dirname, '..'), home = homedir() } = options;
  const sources = [
    layer('the environment', () => env),
    layer('.env', () => parseEnv(textOf(join(root, '.env')) ?? '')),
    layer('.polyb/run.json', () => flat(textOf(join(root, '.polyb', 'run.json')) ?? '{}')),
    secretFiles(join(home, '.secrets')),
  ];
  return (...names) => {
    for (const name of names)
      for (const source of sources) {
        const found = either(source, name, root);
        if (found) return found;
      }
    return undefined;
  };
}

/** Names that `.env` sets; [] where there is none or it cannot be read, which its first reader says. */
export function namesInDotEnv(root = join(import.meta.dirname, '..')): readonly string[] {
  const file = attempt('.env', () => parseEnv(textOf(join(root, '.env')) ?? ''));
  return 'values' in file ? Object.keys(file.values) : [];
}

/** The text of a setting, without its default. @throws PolybError failed_precondition/bad_settings when a file cannot be used. */
export function lookup(names: string | readonly string[], find: FindSetting = openSources()): string | undefined {
  const found = find(...[names].flat());
  if (found && 'problem' in found) throw badSettings([found.problem]);
  return found?.value;
}

/** The error for exit status 78. Its message has one line for each problem. */
export function badSettings(problems: readonly string[]): PolybError {
  const lines = [...new Set(problems)].map((problem) => `\n  ${problem}`).join('');
  return new PolybError('failed_precondition', `Invalid settings; nothing was started.${lines}`, { reason: 'bad_settings' });
}

/** The lines of such an error. */
export const problemsOf = ({ message }: PolybError): readonly string[] => message.split('\n  ').slice(1);

function either(source: Source, name: string, root: string): SettingText | undefined {
  const plain = source(name);
  const pointer = source(`${name}_FILE`);
  if (!pointer || 'problem' in pointer) return plain ?? pointer;
  if (plain) return { problem: `${name}: set it or ${name}_FILE in ${pointer.from}, not both` };
  return contentOf(name, resolve(root, pointer.value), `${name}_FILE in ${pointer.from}`);
}

function contentOf(name: string, path: string, from: string): SettingText {
  try {
    if (isOpenTo(path, 0o007)) return { problem: `${name}: the file named in ${from} is readable by everyone; run chmod o-rwx on it` };
    const value = readFileSync(path, 'utf8').trim();
    return value === '' ? { problem: `${name}: the file named in ${from} is empty` } : { value, from };
  } catch (error) {
    return { problem: `${name}: the file named in ${from} cannot be read (${codeOf(error)})` };
  }
}

function layer(label: string, read: () => Values): Source {
  const values = once(() => attempt(label, read));
  return (name) => {
    const all = values();
    if ('problem' in all) return all;
    const value = all.values[name];
    return value ? { value, from: label } : undefined;
  };
}

/** Secrets shared by programs of the same owner. A file readable by others is refused when a setting would come from it. */
function secretFiles(folder: string): Source {
  const files = once(() =>
    entriesOf(folder).flatMap((group) =>
      entriesOf(join(folder, group))
        .filter((name) => name.endsWith('.env'))
        .map((name) => ({ path: join(folder, group, name), label: `~/.secrets/${group}/${name}` }))
        .map(({ path, label }) => ({ path, label, source: layer(label, () => parseEnv(readFileSync(path, 'utf8'))) })),
    ),
  );
  return (name) => {
    const holders = files().flatMap(({ path, label, source }) => {
      const found = source(name);
      return found ? [{ path, label, found }] : [];
    });
    const [first, second] = holders;
    if (!first || 'problem' in first.found) return first?.found;
    if (second) return { problem: `${name}: set in both ${first.label} and ${second.label}; remove one, or set it in .env` };
    return isOpenTo(first.path, 0o077)
      ? { problem: `${name}: ${first.label} is readable by others; run chmod 600 ${first.label}` }
      : first.found;
  };
}

function isOpenTo(path: string, bits: number): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & bits) !== 0; // Windows has no such permission bits.
}

function attempt(label: string, read: () => Values): { readonly values: Values } | { readonly problem: string } {
  try {
    return { values: read() };
  } catch (error) {
    return { problem: `${label}: cannot be read (${codeOf(error)})` };
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    // Entries of ~/.secrets that are not folders, or are not accessible, contain no settings.
    if (isAbsence(error) || codeOf(error) === 'EACCES') return [];
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

/** `ENOENT`, or the error's name. The message is omitted because it could quote the file's content. */
function codeOf(error: unknown): string {
  const { code, name } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'unknown');
}

function flat(json: string): Values {
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, text === null ? undefined : String(text)]));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
