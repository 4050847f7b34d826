/** A voice made of recordings of a human, Debian's `festvox-ru`, spoken by one long-running process of `festival`. Russian only. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { z } from 'zod';
import { text } from '../../config/settings.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { encode, rateHz as phoneHz } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { trimHead } from '../../media/audio/trim.ts';
import { readWav } from '../../media/audio/wav.ts';
import { listedVoices } from './listed.ts';
import { partsOf } from './parts.ts';
import type { TtsProvider } from './port.ts';
import { joined, spokenWhole } from './streamed.ts';

export const festivalSettings = z.object({
  FESTIVAL_PROGRAM: text({ max: 300 }).default('festival').describe('The program festival: a path, or a name on PATH.'),
});
const voice = 'msu_ru_nsh_clunits';
/** Maximum characters of a part; a longer one takes as long to make as to speak. */
const longestPart = 200;
/** Time limit for one part; the first one includes loading the voice. */
const partMs = 30_000;
const mostBytes = 32 << 20;
/** Printed after each part, including one that failed. */
const mark = Buffer.from('polyb: done\n');

export function festival({ FESTIVAL_PROGRAM: program }: z.output<typeof festivalSettings>): TtsProvider {
  let running: ChildProcessWithoutNullStreams | undefined;
  /** Parts are spoken one at a time, in order. */
  let last: Promise<unknown> = Promise.resolve();

  function start(): ChildProcessWithoutNullStreams {
    if (running?.exitCode === null && !running.killed) return running;
    const child = spawn(program, ['--pipe'], { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const each of [child, child.stdin, child.stdout, child.stderr] as const) each.on('error', () => {}); // The caller of the current part gets the error.
    child.stderr.resume();
    // It ends with its standard input, and does not keep this process alive.
    child.unref();
    for (const each of [child.stdin, child.stdout, child.stderr]) (each as unknown as { unref?(): void }).unref?.();
    child.stdin.write(`(voice_${voice})\n`);
    running = child;
    return child;
  }
  async function speakPart(words: string): Promise<Uint8Array> {
    const child = start();
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const heard = (part: Uint8Array): void => {
      parts.push(part);
      bytes += part.length;
      if (bytes > mostBytes) reject(unable('its output is too long'));
      else if (endsWithMark(parts)) resolve(Buffer.concat(parts).subarray(0, -mark.length));
    };
    const failed = (cause: Error): void =>
      reject(unable(`it cannot be started (${(cause as NodeJS.ErrnoException).code ?? cause.name})`, cause));
    const closed = (code: number | null): void => reject(unable(`it ended with ${code}`));
    const timer = setTimeout(() => reject(unable(`it took longer than ${partMs / 1_000} s`)), partMs);
    child.stdout.on('data', heard);
    child.once('error', failed);
    child.once('close', closed);
    child.stdin.write(
      `(utt.save.wave (utt.synth (Utterance Text "${words}")) "-" 'riff)\n(format t "${mark.toString().trim()}\\n")(fflush nil)\n`,
    );
    try {
      const wav = await promise;
      // Letters that it cannot pronounce make no audio.
      return wav.length === 0 ? new Uint8Array() : phoneAudio(wav);
    } catch (error) {
      child.kill();
      throw error;
    } finally {
      clearTimeout(timer);
      child.stdout.off('data', heard);
      child.off('error', failed);
      child.off('close', closed);
    }
  }
  async function speakInTurn(words: string, signal: AbortSignal): Promise<Uint8Array> {
    const turn = last.then(() => {
      signal.throwIfAborted();
      return speakPart(words);
    });
    last = turn.catch(() => {}); // The caller gets the error.
    return await turn;
  }
  const stream: NonNullable<TtsProvider['stream']> = (speak, signal) => {
    if (!/^ru\b/i.test(speak.language))
      throw new PolybError('invalid_argument', 'The voice of festival speaks only Russian.', { reason: 'no_voice' });
    return joined(partsOf(speakable(speak.text), longestPart), async function* (part) {
      const audio = await speakInTurn(part, signal);
      if (audio.length > 0) yield audio;
    });
  };
  return {
    provider: 'festival',
    stream,
    speak: spokenWhole(stream),
    voices: listedVoices([{ voice, language: 'ru-RU', gender: 'male' }]),
  };
}

function endsWithMark(parts: readonly Uint8Array[]): boolean {
  const tail = Buffer.concat(parts.slice(-2)).subarray(-mark.length);
  return tail.equals(mark);
}
function phoneAudio(wav: Uint8Array): Uint8Array {
  const { samples, rateHz } = readWav(wav);
  return encode('PCMU', trimHead(resample(samples, rateHz, phoneHz)));
}

const latin: Readonly<Record<string, string>> = Object.fromEntries(
  'a:а b:б c:к d:д e:е f:ф g:г h:х i:и j:дж k:к l:л m:м n:н o:о p:п q:к r:р s:с t:т u:у v:в w:в x:кс y:и z:з'
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
);
/** Keeps only Russian letters and punctuation for pauses: the voice can say nothing else, and the rest cannot contain a command. */
export const speakable = (said: string): string =>
  said
    .toLowerCase()
    .replace(/[a-z]/g, (letter) => latin[letter] ?? ' ')
    .replace(/[^а-яё.,!?:;\s-]/g, ' ')
    .replace(/\s+/g, ' ');

function unable(why: string, cause?: unknown): PolybError {
  return new PolybError(
    'unavailable',
    `festival cannot speak: ${why}. Install the Debian packages festival and festvox-ru, or set FESTIVAL_PROGRAM.`,
    {
      cause,
    },
  );
}
