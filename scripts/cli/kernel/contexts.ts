/** Systems by name: where each is and who we are there. A file of the user's configuration folder that nobody else can read. */
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { refusal } from './failure.ts';
import type { Flags } from './flags.ts';

type Env = Readonly<Record<string, string | undefined>>;
export interface Context {
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** First token of every subject; polyb. */
  readonly prefix?: string;
}
export interface Contexts {
  /** The context of commands that name none; null for this checkout's own system. */
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

export const contextsFile = (env: Env): string =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'polyb', 'contexts.json');

/** @throws PolybError failed_precondition when the file can be read by others, or is not what `writeContexts` wrote. */
export function readContexts(env: Env): Contexts {
  const file = contextsFile(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, contexts: {} };
    throw error;
  }
  const refused = (what: string, next: string) =>
    refusal('failed_precondition', `${file} ${what}`, { subject: 'context', effect: 'nothing_done', next: [next] });
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) throw refused('is readable by other users', `chmod 600 ${file}`);
  try {
    const { current = null, contexts } = JSON.parse(text) as Partial<Contexts>;
    if (typeof contexts === 'object' && contexts !== null) return { current, contexts };
  } catch {
    // Told below, with what to do.
  }
  throw refused('contains no contexts', `rm ${file}    and add them again`);
}

export function writeContexts(env: Env, contexts: Contexts): void {
  const file = contextsFile(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  chmodSync(partial, 0o600);
  renameSync(partial, file);
}

/** The context that a command works in. --nats-url and the environment's address win over the one in use, --context over all but --nats-url. */
export function contextOf(flags: Pick<Flags, 'text'>, env: Env): Context | undefined {
  if (flags.text('nats-url') !== undefined) return undefined;
  const named = flags.text('context');
  if (named === undefined && (env.POLYB_NATS_URL || env.NATS_URL)) return undefined;
  const { current, contexts } = readContexts(env);
  const name = named ?? current;
  if (name === null) return undefined;
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found === undefined)
    throw refusal('not_found', `there is no context ${name}`, {
      subject: 'context',
      effect: 'nothing_done',
      close: Object.keys(contexts),
      next: ['polyb context ls', `polyb context add ${name} --nats-url URL`],
    });
  return found;
}
