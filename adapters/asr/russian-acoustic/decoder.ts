/** The program pocketsphinx_batch (Debian's `pocketsphinx`, BSD), started for each utterance, which it reads completely before decoding. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { rateHz } from '../../../media/audio/g711.ts';
import { onQuietLine, padMs } from './quiet-line.ts';

export interface DecodedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Posterior probability of this word in the decoder's lattice, 0 to 1. */
  readonly share: number;
}
/** Recognizes words of the model in speech at 8 kHz. @throws PolybError unavailable if the program cannot work */
export type Decode = (speech: Int16Array, signal: AbortSignal, sentences?: Sentences) => Promise<readonly DecodedWord[]>;
/** The language model: all sentences of the desk, or half of them parts of phones. */
export type Sentences = 'desk' | 'phone';

const maxOutput = 1 << 20;
const frameMs = 10;

/** @param model the folder written by `node scripts/acoustic/train.ts` */
export function createDecoder(program: string, model: string): Decode {
  const file = (name: string): string => join(model, name);
  const options = {
    ...{ hmm: model, dict: file('words.dict') },
    // The list of files contains only the standard input.
    ...{ ctl: file('stdin.ctl'), cepdir: '/dev', cepext: '', adcin: 'yes', adchdr: '0', samprate: String(rateHz) },
    ...{ remove_silence: 'no', backtrace: 'yes', hyp: '/dev/null' },
    // Wider than the default, which loses one word in twenty; the vocabulary is small enough.
    ...{ beam: '1e-70', pbeam: '1e-70', wbeam: '1e-50' },
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]);
  return async (speech, signal, sentences = 'desk') => {
    signal.throwIfAborted();
    await using audio = await withoutName(new Uint8Array(onQuietLine(speech).buffer));
    // It reports words in its log on standard error.
    const child = spawn(program, [...args, '-lm', file(`${sentences}.lm.bin`)], { stdio: [audio.fd, 'ignore', 'pipe'], signal });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      if (log.length < maxOutput) log += part;
    });
    return await new Promise((resolve, reject) => {
      child.once('error', (cause) => reject(signal.aborted ? signal.reason : unable(cause.message, cause)));
      child.once('close', (code) => {
        if (code === 0) resolve(wordsOf(log));
        else reject(unable(/^(?:ERROR|FATAL): (.*)$/m.exec(log)?.[1] ?? `it ended with ${code}`));
      });
    });
  };
}

/** An unlinked file with the bytes: the program needs a file, since it would process a pipe piece by piece. */
async function withoutName(bytes: Uint8Array): Promise<FileHandle> {
  const path = join(tmpdir(), `polyb-utterance-${randomUUID()}`);
  await using written = await open(path, 'wx', 0o600);
  try {
    await written.writeFile(bytes);
    return await open(path, 'r');
  } finally {
    await rm(path);
  }
}

/** Lines such as `стрижку(2)  120  173  0.998  -865280  -266  2`, in frames; `<s>`, `</s>` and `<sil>` are silence. */
function wordsOf(log: string): readonly DecodedWord[] {
  const words = log.matchAll(/^([^\s<[+(]+)(?:\(\d+\))?\s+(\d+)\s+(\d+)\s+(\d+\.\d+)\s+-?\d+\s+-?\d+\s+\d+\s*$/gm);
  return [...words].map(([, text = '', start, end, share]) => ({
    text,
    startMs: Math.max(0, Number(start) * frameMs - padMs),
    endMs: Math.max(0, (Number(end) + 1) * frameMs - padMs),
    share: Math.min(1, Number(share)),
  }));
}

function unable(why: string, cause?: unknown): PolybError {
  return new PolybError(
    'unavailable',
    `pocketsphinx cannot hear: ${why}. Install it (Debian: apt-get install pocketsphinx), or set POCKETSPHINX_PROGRAM.`,
    { cause },
  );
}
