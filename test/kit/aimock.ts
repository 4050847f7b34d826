/** `@copilotkit/aimock`, an emulator of language models by other hands, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { FixtureFile } from '@copilotkit/aimock';

export interface Aimock {
  readonly url: string;
  /** The requests that it received, oldest first. */
  journal(): Promise<readonly AimockRequest[]>;
  stop(): Promise<void>;
}
export interface AimockRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly response: { readonly status: number };
}

/** From now on the emulator gives this answer to whatever it is asked. */
export async function fixNext(
  url: string,
  response: {
    readonly content?: string;
    readonly toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  },
): Promise<void> {
  const send = async (method: 'POST' | 'DELETE', body?: object): Promise<void> => {
    const reply = await fetch(`${url}/__aimock/fixtures`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!reply.ok) throw new Error(`aimock refused a fixture with ${reply.status}: ${await reply.text()}`);
  };
  await send('DELETE');
  await send('POST', { fixtures: [{ match: {}, response }] });
}

/** @param chunkSize letters in a chunk of a streamed reply */
export async function aimock(fixtures: FixtureFile['fixtures'], chunkSize = 5): Promise<Aimock> {
  const folder = await mkdtemp(join(tmpdir(), 'aimock-'));
  const file = join(folder, 'fixtures.json');
  await writeFile(file, JSON.stringify({ fixtures }));
  const program = join(import.meta.dirname, '../../node_modules/@copilotkit/aimock/dist/cli.js');
  const child = spawn(process.execPath, [program, '-p', '0', '-f', file, '-c', String(chunkSize)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
    await rm(folder, { recursive: true });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return { url, journal: async () => (await fetch(`${url}/__aimock/journal`)).json() as Promise<readonly AimockRequest[]>, stop };
  }
  await stop();
  throw new Error('aimock ended before it listened');
}
