/** The phone called by the demo: baresip, or if that is unavailable a phone of this project in a separate process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { rateHz } from '../../media/audio/g711.ts';
import { makeTone } from '../../media/audio/tones.ts';
import { wavFile } from '../../media/audio/wav.ts';
import { pingUri } from '../../media/sip/ping.ts';
import { freePort } from '../infra/ready.ts';
import { baresipCommand, findSipProgram, writeBaresipConfig } from '../infra/sip-programs.ts';
import { temporaryDir } from '../infra/temporary.ts';

export interface DemoPhone extends AsyncDisposable {
  /** The name by which it identifies itself. */
  readonly name: string;
  /** The reason why it is not baresip; null if it is. */
  readonly instead: string | null;
  /** Plays this WAV file into its microphone in place of the tone. */
  play(file: string): void;
}
/** baresip ends the call at the end of its file. */
const [humMs, silenceS] = [20_000, 120];
const startMs = 10_000;
const findMs = 60_000;

/**
 * @param isOwn skips baresip
 * @param isSilent no sound until `play`; otherwise a tone
 * @throws Error when neither responds
 */
export async function startPhone(
  number: string,
  port: number,
  signal: AbortSignal,
  { isOwn = false, isSilent = false } = {},
): Promise<DemoPhone> {
  const dir = temporaryDir();
  const first = join(dir, 'first.wav');
  const samples = isSilent ? new Int16Array(silenceS * rateHz) : makeTone({ hz: [440], ms: humMs, dbm0: -15 });
  await writeFile(first, wavFile({ rateHz, channels: 1 }, samples));
  if (!isOwn)
    try {
      const found = await findSipProgram('baresip', AbortSignal.any([signal, AbortSignal.timeout(findMs)]));
      const control = await freePort();
      await writeBaresipConfig(found, dir, {
        ...{ port, user: number, source: `aufile,${first}`, account: ';answermode=auto' },
        ...{ modules: ['ctrl_tcp'], lines: [`ctrl_tcp_listen 127.0.0.1:${control}`] },
      });
      const child = spawn(found.file, ['-f', dir], { env: found.env, stdio: 'ignore' });
      const play = (file: string): void => {
        const socket = connect(control, '127.0.0.1', () => socket.end(baresipCommand('ausrc', `aufile,${file}`)));
        socket.on('error', () => {}); // it has ended, and so has the call
      };
      return await running(child, { port, dir, signal, instead: null, play });
    } catch (error) {
      signal.throwIfAborted();
      const instead = Error.isError(error) ? (error as Error).message.split('\n')[0] : String(error);
      return await own(first, port, dir, signal, `baresip is unavailable: ${instead}`);
    }
  return await own(first, port, dir, signal, 'baresip was not looked for');
}

function own(first: string, port: number, dir: string, signal: AbortSignal, instead: string): Promise<DemoPhone> {
  const program = join(import.meta.dirname, '..', 'demo-phone.ts');
  const child = spawn(process.execPath, [program, String(port), first], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return running(child, { port, dir, signal, instead, play: (file) => void child.send({ play: file }) });
}

interface Running {
  readonly port: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly instead: string | null;
  readonly play: DemoPhone['play'];
}
/** Resolves once it responds. */
async function running(child: ChildProcess, { port, dir, signal, instead, play }: Running): Promise<DemoPhone> {
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
      if (isAnswered) return { name: server ?? 'a phone', instead, play, [Symbol.asyncDispose]: stop };
  }
  await stop();
  throw new Error(`the phone at 127.0.0.1:${port} did not start`);
}
