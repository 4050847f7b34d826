/** What a test kills with SIGKILL, and brings back where it was. */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../../runtime/migrate.ts';
import { type RunningServer, startPostgres } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import type { Child } from './child.ts';
import type { Evidence } from './evidence.ts';
import type { Ground } from './ground.ts';
import type { Random } from './random.ts';

export interface Killable {
  readonly name: string;
  kill(): Promise<void>;
  /** Resolves when it serves again. */
  restart(): Promise<void>;
}
/** A PostgreSQL that no other test uses, with its default durability. */
interface OwnPostgres extends Killable, AsyncDisposable {
  /** The URL of a fresh migrated database on it. */
  database(): Promise<string>;
}

const restartWithinMs = 30_000;

/** A service in a process of its own. It runs when this resolves. */
export async function killableService(
  ground: Pick<Ground, 'start'>,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Killable> {
  const start = (): Promise<Child> => ground.start({ file: '../../runtime/serve.ts', args: [name], env });
  let child = await start();
  return {
    name,
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async restart() {
      child = await start();
    },
  };
}

export function killableNats({ killNats, restartNats }: Pick<Ground, 'killNats' | 'restartNats'>): Killable {
  return { name: 'nats-server', kill: killNats, restart: restartNats };
}

export async function ownPostgres(signal: AbortSignal, evidence: Evidence): Promise<OwnPostgres> {
  const dir = temporaryDir();
  // Not temporary: what it keeps would go with an attempt to start it that fails.
  const start = (port?: number): Promise<RunningServer> => startPostgres({ dir, durable: true, port, signal });
  let server = await start();
  const port = Number(new URL(server.url).port);
  const urls: string[] = [];
  return {
    name: 'PostgreSQL',
    async database() {
      const url = Object.assign(new URL(server.url), { pathname: `/faults_${urls.length + 1}` }).href;
      await migrate({ url });
      urls.push(url);
      return url;
    },
    async kill() {
      const ended = new Promise((resolve) => server.ended.addEventListener('abort', resolve, { once: true }));
      if (!server.ended.aborted) process.kill(server.pid, 'SIGKILL');
      if (!server.ended.aborted) await ended;
    },
    /** The new one refuses to start until the last backend of the old one has seen that its postmaster is gone. */
    async restart() {
      for (const until = performance.now() + restartWithinMs; ; await delay(50, undefined, { signal })) {
        try {
          server = await start(port);
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (performance.now() > until) throw error;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const url of urls) await evidence.rows(url);
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Each of them so many times, in an order that the seed fixes. */
export function strikes(random: Random, victims: readonly Killable[], times: number): readonly Killable[] {
  return random.shuffled(victims.flatMap((victim) => Array.from({ length: times }, () => victim)));
}
