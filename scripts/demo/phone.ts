/** The phone that the demo calls: baresip, or where it cannot be had a phone of this project in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rateHz } from '../../media/audio/g711.ts';
import { makeTone } from '../../media/audio/tones.ts';
import { wavHeader } from '../../media/audio/wav.ts';
import { pingUri } from '../../media/sip/ping.ts';
import { findSipProgram, writeBaresipConfig } from '../infra/sip-programs.ts';
import { temporaryDir } from '../infra/temporary.ts';

export interface DemoPhone extends AsyncDisposable {
  /** What it says that it is. */
  readonly name: string;
  /** Why it is not baresip. */
  readonly instead: string | null;
}
const startMs = 10_000;
const findMs = 60_000;

/** @param isOwn baresip is not looked for. @throws Error when neither responds */
export async function startPhone(number: string, port: number, signal: AbortSignal, { isOwn = false } = {}): Promise<DemoPhone> {
  const dir = temporaryDir();
  if (!isOwn)
    try {
      const found = await findSipProgram('baresip', AbortSignal.any([signal, AbortSignal.timeout(findMs)]));
      const hum = join(dir, 'hum.wav');
      await writeFile(hum, humming());
      await writeBaresipConfig(found, dir, { port, user: number, source: `aufile,${hum}`, account: ';answermode=auto' });
      return await running(spawn(found.file, ['-f', dir], { env: found.env, stdio: 'ignore' }), { port, dir, signal, instead: null });
    } catch (error) {
      signal.throwIfAborted();
      const instead = Error.isError(error) ? (error as Error).message.split('\n')[0] : String(error);
      return await own(port, dir, signal, `baresip cannot be had: ${instead}`);
    }
  return await own(port, dir, signal, 'baresip was not looked for');
}

/** Twenty seconds of one tone; at the end of its file baresip ends the call. */
function humming(): Uint8Array {
  const samples = new Uint8Array(makeTone({ hz: [440], ms: 20_000, dbm0: -15 }).buffer);
  return Buffer.concat([wavHeader({ rateHz, channels: 1 }, samples.length), samples]);
}
function own(port: number, dir: string, signal: AbortSignal, instead: string): Promise<DemoPhone> {
  const program = join(import.meta.dirname, '..', 'demo-phone.ts');
  return running(spawn(process.execPath, [program, String(port)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }), {
    ...{ port, dir, signal, instead },
  });
}

interface Running {
  readonly port: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly instead: string | null;
}
/** Resolves once it responds. */
async function running(child: ChildProcess, { port, dir, signal, instead }: Running): Promise<DemoPhone> {
  const ended = once(child, 'exit').catch((error: unknown) => error);
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  const until = AbortSignal.any([signal, AbortSignal.timeout(startMs)]);
  while (!until.aborted && child.exitCode === null && child.signalCode === null) {
    const soon = AbortSignal.any([until, AbortSignal.timeout(500)]);
    for await (const { isAnswered, server } of pingUri(`sip:127.0.0.1:${port}`, { count: 1, intervalMs: 0, signal: soon }))
      if (isAnswered) return { name: server ?? 'a phone', instead, [Symbol.asyncDispose]: stop };
  }
  await stop();
  throw new Error(`the phone at 127.0.0.1:${port} did not start`);
}
