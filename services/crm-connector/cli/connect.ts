/** `polyb crm connect`: the consent of a person, with a local callback. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { connections } from '../../../contracts/connections.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { isLoopback } from '../../../contracts/kit/loopback.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

type Callback = Readonly<Record<string, string>>;
/** How long a person may take. */
const patienceMs = 10 * 60_000;

export async function connectSystem(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [system] = args;
  if (system === undefined)
    throw wrongUsage('expected a system', { subject: 'crm connect', next: ['polyb crm connect amocrm', 'polyb crm connections'] });
  const connection = flags.text('connection') ?? 'main';
  const given = flags.text('callback');
  const begun = await askMethod<OutputOf<typeof connections.begin_consent>>(invocation, 'connections.begin_consent', { connection });
  if (begun.system !== system)
    throw wrongUsage(`the connection ${connection} is ${begun.system}, not ${system}`, {
      subject: 'crm connect',
      next: ['polyb crm connections'],
    });
  const { url, redirectUri } = begun;
  let callback = given === undefined ? undefined : queryOf(given);
  if (callback === undefined) {
    const { hostname } = new URL(redirectUri);
    if (!isLoopback(hostname)) {
      out.print(url);
      out.note(
        `open this page and consent; then give the address that the browser shows: polyb crm connect ${system} --callback 'ADDRESS'`,
        'ok',
      );
      return 0;
    }
    callback = await callbackAt(
      redirectUri,
      () => {
        out.print(url);
        out.note(`open this page and consent; waiting at ${redirectUri} (Ctrl-C ends)`);
      },
      AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
    );
  }
  const done = await askMethod<{ system: string }>(invocation, 'connections.finish_consent', { connection, callback });
  await out.result({ connection, system: done.system }, { text: () => `${connection}  ${done.system}  connected` });
  out.note('the tokens are stored, encrypted; polyb crm test PHONE tries the connection', 'ok');
  return 0;
}

/** The query with which the browser comes to the redirect URI, which is on this machine. */
async function callbackAt(redirectUri: string, ready: () => void, signal: AbortSignal): Promise<Callback> {
  const { port, pathname } = new URL(redirectUri);
  const { promise, resolve, reject } = Promise.withResolvers<Callback>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', redirectUri);
    const isIt = url.pathname === pathname && (url.searchParams.has('code') || url.searchParams.has('error'));
    response.writeHead(isIt ? 200 : 404, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(isIt ? 'Готово: окно можно закрыть. / Done: you can close this window.\n' : 'Not the callback.\n');
    if (isIt) resolve(Object.fromEntries(url.searchParams));
  });
  const onAbort = () =>
    reject(new PolybError('cancelled', 'Nobody has consented yet; start again when it suits.', { outcome: 'not_executed' }));
  try {
    await once(server.listen(Number(port) || 80, '127.0.0.1'), 'listening');
    signal.addEventListener('abort', onAbort, { once: true });
    ready();
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    server.closeAllConnections();
    server.close();
  }
}
function queryOf(address: string): Callback {
  const url = URL.parse(address);
  if (url === null || !url.searchParams.has('code'))
    throw wrongUsage('--callback: expected the whole address with its code', {
      subject: 'crm connect',
      next: ['polyb crm connect --help'],
    });
  return Object.fromEntries(url.searchParams);
}
