/** A voice without a key or a network: the program espeak-ng, started for each phrase. */
import { spawn } from 'node:child_process';
import { z } from 'zod';
import { text } from '../../config/settings.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { encode } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { readWav } from '../../media/audio/wav.ts';
import type { Tts } from './port.ts';

export const espeakSettings = z.object({
  ESPEAK_PROGRAM: text({ max: 300 }).default('espeak-ng').describe('The program espeak-ng: a path, or a name on PATH.'),
});
const phoneHz = 8_000;
/** Ten minutes of speech. */
const maxBytes = 32 << 20;

export function espeak({ ESPEAK_PROGRAM: program }: z.output<typeof espeakSettings>): Tts {
  return {
    async speak({ text: said, language, voice = language.slice(0, 2) }, signal) {
      if (!/^[\w+-]{1,64}$/.test(voice))
        throw new PolybError('invalid_argument', 'A voice of espeak-ng has a name such as ru or en-us+f3.', { reason: 'no_voice' });
      const { samples, rateHz } = readWav(await run(program, ['-v', voice, '--stdin', '--stdout'], said, signal));
      return encode('PCMU', resample(samples, rateHz, phoneHz));
    },
  };
}

/** The standard output of a program. */
async function run(program: string, args: readonly string[], input: string, signal: AbortSignal): Promise<Uint8Array> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let complaint = '';
  child.stdout.on('data', (part: Uint8Array) => {
    bytes += part.length;
    if (bytes > maxBytes) child.kill();
    else parts.push(part);
  });
  child.stderr.on('data', (part) => {
    complaint = (complaint + String(part)).slice(0, 200);
  });
  child.stdin.on('error', () => {}); // The program has ended; how it ended says more.
  child.stdin.end(input);
  return await new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(unable(`it cannot be started (${(cause as NodeJS.ErrnoException).code ?? cause.name})`, cause)));
    child.once('close', (code) => {
      if (code === 0 && bytes > 0 && bytes <= maxBytes) resolve(Buffer.concat(parts));
      else reject(unable(complaint.trim() || `it ended with ${code}`));
    });
  });
}
function unable(why: string, cause?: unknown): PolybError {
  return new PolybError('unavailable', `espeak-ng cannot speak: ${why}. Install it, or set ESPEAK_PROGRAM.`, { cause });
}
