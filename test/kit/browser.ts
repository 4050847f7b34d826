/** Pages in a headless Chromium of this machine, over its DevTools protocol (chromedevtools.github.io/devtools-protocol), by a pipe: no port, no library. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { onPath } from '../../scripts/infra/find-program.ts';

export interface Page {
  /** The value of an expression in the page, as JSON has it. */
  value(expression: string): Promise<unknown>;
  /** Resolves once the expression is true. The page itself looks: each look from outside costs more than what is looked at. */
  holds(expression: string, withinMs: number): Promise<void>;
  /** Presses a key at its place on the keyboard; `key` is what the layout makes of it. */
  press(code: string, key: string, modifiers?: { readonly shift?: boolean; readonly ctrl?: boolean }): Promise<void>;
  /** Types into the element that has the focus. */
  type(text: string): Promise<void>;
  /** The size of the window, and what the person prefers. */
  look(as: { readonly width: number; readonly height: number; readonly scheme: 'light' | 'dark' }): Promise<void>;
  /** A PNG of the window. */
  picture(): Promise<Buffer>;
  close(): Promise<void>;
  /** Errors and warnings of the console, exceptions that nobody caught, and what could not be loaded. */
  readonly complaints: readonly string[];
}
export interface OpenOptions {
  /** Pages with one name share cookies and storage, as tabs of a browser do. Default: those of the program. */
  readonly profile?: string;
  /** Default: ru-RU, Europe/Moscow. */
  readonly locale?: string;
  readonly timeZone?: string;
}
export interface Browser {
  open(url: string, options?: OpenOptions): Promise<Page>;
  close(): Promise<void>;
}

/** Null on a machine without one. The headless shell comes first: a page costs half the CPU of that of a whole browser. */
export function findBrowser(): string | null {
  return (
    ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'chrome'].map(onPath).find((found) => found !== null) ??
    null
  );
}

/** @param more flags of Chromium, such as those of a fake microphone */
export async function openBrowser(program: string, more: readonly string[] = []): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'polyb-browser-'));
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-extensions',
    '--disable-component-update',
    '--disable-sync',
    '--disable-software-rasterizer',
    '--disable-features=Translate,OptimizationHints,MediaRouter,CalculateNativeWinOcclusion,PaintHolding',
  ];
  const child = spawn(program, [...flags, ...more, `--user-data-dir=${profile}`, '--remote-debugging-pipe'], {
    // A group of its own, so that all its processes end with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const { ask, listen } = talk(child.stdio[3] as Writable, child.stdio[4] as Readable, exited);
  const profiles = new Map<string, string>();
  async function contextOf(name: string | undefined): Promise<{ readonly browserContextId?: string }> {
    if (name === undefined) return {};
    const known = profiles.get(name) ?? String((await ask('Target.createBrowserContext', {})).browserContextId);
    profiles.set(name, known);
    return { browserContextId: known };
  }
  return {
    async open(url, { profile: context, locale = 'ru-RU', timeZone = 'Europe/Moscow' } = {}) {
      const { targetId } = await ask('Target.createTarget', { url: 'about:blank', ...(await contextOf(context)) });
      const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
      const session = String(sessionId);
      const complaints: string[] = [];
      listen(session, (method, params) => complaints.push(...complaintsOf(method, params)));
      for (const domain of ['Runtime', 'Log', 'Network', 'Page']) await ask(`${domain}.enable`, {}, session);
      await ask('Emulation.setLocaleOverride', { locale }, session);
      await ask('Emulation.setTimezoneOverride', { timezoneId: timeZone }, session);
      await ask('Emulation.setUserAgentOverride', { userAgent: 'Chromium', acceptLanguage: locale }, session);
      // A page in the background is drawn once a second.
      await ask('Emulation.setFocusEmulationEnabled', { enabled: true }, session);
      await ask('Page.navigate', { url }, session);
      const value = async (expression: string): Promise<unknown> => {
        const { result, exceptionDetails } = await ask(
          'Runtime.evaluate',
          { expression, returnByValue: true, awaitPromise: true, userGesture: true },
          session,
        );
        if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails).slice(0, 1_000));
        return (result as { value?: unknown }).value;
      };
      return {
        complaints,
        value,
        async holds(expression, withinMs) {
          const looks = `new Promise((resolve) => {
            const end = performance.now() + 1000;
            const look = () => ((${expression}) === true ? resolve(true) : performance.now() > end ? resolve(false) : setTimeout(look, 20));
            look();
          })`;
          let problem: unknown;
          for (const end = performance.now() + withinMs; performance.now() < end; ) {
            try {
              if ((await value(looks)) === true) return;
            } catch (error) {
              problem = error; // The page was left meanwhile, or has nothing to look at yet.
              await delay(20);
            }
          }
          throw new Error(`${expression} does not hold; the page shows:\n${await value('document.body.innerText')}`, { cause: problem });
        },
        async press(code, key, { shift = false, ctrl = false } = {}) {
          const event = { code, key, modifiers: (shift ? 8 : 0) + (ctrl ? 2 : 0), windowsVirtualKeyCode: virtualKeys[code] ?? 0 };
          const text = key.length === 1 && !ctrl ? { text: key } : key === 'Enter' ? { text: '\r' } : {};
          await ask('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...text }, session);
          await ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event }, session);
        },
        async type(text) {
          await ask('Input.insertText', { text }, session);
        },
        async look({ width, height, scheme }) {
          await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false }, session);
          const features = [
            { name: 'prefers-color-scheme', value: scheme },
            { name: 'prefers-reduced-motion', value: 'reduce' },
          ];
          await ask('Emulation.setEmulatedMedia', { features }, session);
        },
        async picture() {
          return Buffer.from(String((await ask('Page.captureScreenshot', { format: 'png' }, session)).data), 'base64');
        },
        async close() {
          await ask('Target.closeTarget', { targetId });
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

/** Keys that the browser itself acts on are known by these numbers. */
const virtualKeys: Readonly<Record<string, number>> = { Enter: 13, Escape: 27, Tab: 9, ArrowDown: 40, ArrowUp: 38, Space: 32 };

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
      return [said];
    case 'Network.loadingFailed':
      // The page gave it up itself.
      return params.canceled === true ? [] : [said];
    case 'Runtime.consoleAPICalled':
      return ['error', 'warning', 'assert'].includes(String(params.type)) ? [said] : [];
    case 'Log.entryAdded':
      return ['error', 'warning'].includes((params as { entry: { level: string } }).entry.level) ? [said] : [];
    default:
      return [];
  }
}
