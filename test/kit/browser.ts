/** Pages in a headless Chromium of this machine, over its DevTools protocol (chromedevtools.github.io/devtools-protocol), by a pipe: no port, no library. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onPath } from '../../scripts/infra/find-program.ts';

export interface Page {
  /** The value of an expression in the page, as JSON has it. */
  value(expression: string): Promise<unknown>;
  /** Errors and warnings of the console, exceptions that nobody caught, and what could not be loaded. */
  readonly complaints: readonly string[];
}
export interface Browser {
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

/** Null on a machine without one. */
export function findBrowser(): string | null {
  return ['chromium', 'chromium-browser', 'google-chrome', 'chrome'].map(onPath).find((found) => found !== null) ?? null;
}

export async function openBrowser(program: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'polyb-browser-'));
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
  ];
  const child = spawn(program, [...flags, `--user-data-dir=${profile}`, '--remote-debugging-pipe'], {
    // A group of its own, so that all its processes end with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const { ask, listen } = talk(child.stdio[3] as Writable, child.stdio[4] as Readable, exited);
  return {
    async open(url) {
      const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
      const session = String(sessionId);
      const complaints: string[] = [];
      listen(session, (method, params) => complaints.push(...complaintsOf(method, params)));
      for (const domain of ['Runtime', 'Log', 'Network', 'Page']) await ask(`${domain}.enable`, {}, session);
      await ask('Page.navigate', { url }, session);
      return {
        complaints,
        async value(expression) {
          const { result } = await ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true }, session);
          return (result as { value?: unknown }).value;
        },
      };
    },
    async close() {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Params = Readonly<Record<string, unknown>>;
type Listener = (method: string, params: Params) => void;
interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
}

/** Messages of the protocol are JSON, each ended by a null byte. */
function talk(to: Writable, from: Readable, exited: Promise<void>) {
  const waiting = new Map<number, PromiseWithResolvers<Params>>();
  const listeners = new Map<string, Listener>();
  let asked = 0;
  let rest = '';
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const { id, sessionId = '', method = '', params = {}, result = {}, error } = JSON.parse(message) as Message;
      if (id === undefined) listeners.get(sessionId)?.(method, params);
      else if (error === undefined) waiting.get(id)?.resolve(result);
      else waiting.get(id)?.reject(new Error(error.message));
    }
  });
  void exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the browser ended'));
  });
  return {
    listen: (session: string, listener: Listener) => void listeners.set(session, listener),
    ask(method: string, params: Params, sessionId?: string): Promise<Params> {
      const answer = Promise.withResolvers<Params>();
      asked += 1;
      waiting.set(asked, answer);
      to.write(`${JSON.stringify({ id: asked, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      return answer.promise;
    },
  };
}

function complaintsOf(method: string, params: Params): readonly string[] {
  const said = JSON.stringify(params).slice(0, 500);
  switch (method) {
    case 'Runtime.exceptionThrown':
    case 'Network.loadingFailed':
      return [said];
    case 'Runtime.consoleAPICalled':
      return ['error', 'warning', 'assert'].includes(String(params.type)) ? [said] : [];
    case 'Log.entryAdded':
      return ['error', 'warning'].includes((params as { entry: { level: string } }).entry.level) ? [said] : [];
    default:
      return [];
  }
}
