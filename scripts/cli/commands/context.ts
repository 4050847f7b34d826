/** `polyb context`: several systems by name. */
import type { Invocation } from '../kernel/command.ts';
import { type Context, contextsFile, readContexts, writeContexts } from '../kernel/contexts.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';
import { readText } from '../kernel/input.ts';
import { nearest } from '../kernel/nearest.ts';

/** What `use` takes for the system of the checkout. */
const own = 'own';

export async function listContexts({ out, env }: Invocation): Promise<number> {
  const { current, contexts } = readContexts(env);
  const rows = Object.entries(contexts).map(([name, { url, user, password }]) => ({
    name,
    url,
    user: user ?? null,
    hasPassword: password !== undefined,
    isCurrent: name === current,
  }));
  await out.result(rows, {
    table: () => ({
      columns: ['CONTEXT', 'URL', 'USER', 'PASSWORD', 'IN USE'],
      rows: rows.map(({ name, url, user, hasPassword, isCurrent }) => [
        name,
        url,
        user ?? '',
        hasPassword ? 'set' : '',
        isCurrent ? 'yes' : '',
      ]),
    }),
  });
  if (current === null) out.note('in use: the system of this checkout');
  return 0;
}

export async function addContext({ args, flags, out, env }: Invocation): Promise<number> {
  const name = nameOf(args[0], 'context add');
  const url = flags.text('nats-url');
  if (url === undefined || url.split(',').some((each) => !/^(nats|tls):$/.test(URL.parse(each)?.protocol ?? '')))
    throw wrongUsage(`--nats-url: expected nats://host:4222; got ${url === undefined ? 'nothing' : `"${url}"`}`, {
      subject: 'context add',
      next: [`polyb context add ${name} --nats-url nats://host:4222`],
    });
  if (url.includes('@'))
    throw wrongUsage('--nats-url: expected an address without credentials', {
      subject: 'context add',
      next: [`polyb context add ${name} --nats-url URL --user NAME --password @FILE`],
    });
  const given = flags.text('password');
  if (given !== undefined && given !== '-' && !given.startsWith('@'))
    throw wrongUsage('--password: expected @FILE or -; a password on the command line is visible to all users of the machine', {
      subject: 'context add',
    });
  const password = given === undefined ? undefined : (await readText(given, 'context add')).trim();
  const [user, prefix] = [flags.text('user'), flags.text('prefix')];
  if ((password === undefined) !== (user === undefined))
    throw wrongUsage('expected --user and --password together', { subject: 'context add' });
  const context: Context = {
    url,
    ...(user !== undefined && { user }),
    ...(password && { password }),
    ...(prefix !== undefined && { prefix }),
  };
  const before = readContexts(env);
  writeContexts(env, { ...before, contexts: { ...before.contexts, [name]: context } });
  await out.result({ name, url, file: contextsFile(env) }, { text: () => `${name}  ${url}` });
  out.note(`polyb --context ${name} … uses it for one command; polyb context use ${name} for every command`, 'ok');
  return 0;
}

export async function useContext({ args, out, env }: Invocation): Promise<number> {
  const [name = ''] = args;
  const before = readContexts(env);
  if (name !== own) requireKnown(name, Object.keys(before.contexts), 'context use');
  writeContexts(env, { ...before, current: name === own ? null : name });
  await out.result({ current: name === own ? null : name }, { text: () => name });
  out.note(name === own ? 'commands use the system of this checkout' : `commands use ${name}; to end this: polyb context use ${own}`, 'ok');
  return 0;
}

export async function removeContext({ args, out, env }: Invocation): Promise<number> {
  const [name = ''] = args;
  const { current, contexts } = readContexts(env);
  requireKnown(name, Object.keys(contexts), 'context rm');
  const { [name]: _, ...others } = contexts;
  writeContexts(env, { current: current === name ? null : current, contexts: others });
  await out.result({ removed: name }, { text: () => name });
  return 0;
}

function nameOf(given: string | undefined, subject: string): string {
  if (given !== undefined && given !== own && /^[\w.-]{1,60}$/.test(given)) return given;
  throw wrongUsage(
    `expected a name of letters, digits, dots and hyphens other than ${own}; got ${given === undefined ? 'nothing' : `"${given}"`}`,
    {
      subject,
    },
  );
}
function requireKnown(name: string, names: readonly string[], subject: string): void {
  if (names.includes(name)) return;
  throw refusal('not_found', name === '' ? 'expected a context' : `there is no context ${name}`, {
    subject,
    effect: 'nothing_done',
    close: nearest(name, names),
    next: ['polyb context ls'],
  });
}
