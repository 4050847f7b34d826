/**
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A separate program: the npm package `@echogarden/espeak-ng-emscripten` (GPL-3.0) with the options of espeak-ng that the voice uses:
 * `--voices`, `--voices=variant` and `-v VOICE -s WORDS_A_MINUTE --stdin --stdout`. It is executed, never imported.
 */
import { createRequire } from 'node:module';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { bytesOf } from '../../media/audio/pcm.ts';
import { wavHeader } from '../../media/audio/wav.ts';

interface Engine {
  readonly FS: { readdir(folder: string): readonly string[]; readFile(file: string, options: { readonly encoding: 'utf8' }): string };
  readonly eSpeakNGWorker: new () => Worker;
}
interface Worker {
  list_voices(): readonly {
    readonly name: string;
    readonly identifier: string;
    readonly languages: readonly { readonly name: string }[];
  }[];
  /** 0 if the voice is known. */
  set_voice(voice: string): number;
  /** Words a minute. */
  set_rate(rate: number): void;
  get_samplerate(): number;
  synthesize(text: string, part: (samples: Int16Array) => boolean): void;
}
const variants = '/usr/share/espeak-ng-data/voices/!v';

const { values } = parseArgs({
  options: {
    ...{ voices: { type: 'string' }, v: { type: 'string', short: 'v' }, s: { type: 'string', short: 's' } },
    ...{ stdin: { type: 'boolean' }, stdout: { type: 'boolean' } },
  },
  args: process.argv.slice(2).map((each) => (each === '--voices' ? '--voices=' : each)),
});
const file = createRequire(import.meta.url).resolve('@echogarden/espeak-ng-emscripten');
const engine = await ((await import(file)) as { default(options: object): Promise<Engine> }).default({});
const worker = new engine.eSpeakNGWorker();

if (values.voices === 'variant') list(variantRows());
else if (values.voices !== undefined)
  list(
    worker
      .list_voices()
      .flatMap(({ identifier, languages }) => languages.map(({ name }) => ({ language: name, gender: 'M', file: identifier }))),
  );
else await speak(values.v ?? 'en');

/** Prints the list in the columns of espeak-ng. */
function list(rows: readonly { readonly language: string; readonly gender: string; readonly file: string }[]): void {
  const lines = rows.map(({ language, gender, file: name }) => ` 5  ${language} --/${gender} ${name.replaceAll(/\s/g, '_')} ${name}`);
  process.stdout.write(`Pty Language Age/Gender VoiceName File\n${lines.join('\n')}\n`);
}
function variantRows() {
  return engine.FS.readdir(variants)
    .filter((name) => !name.startsWith('.'))
    .map((name) => {
      const [, gender = 'male'] = /^gender\s+(\w+)/m.exec(engine.FS.readFile(`${variants}/${name}`, { encoding: 'utf8' })) ?? [];
      return { language: 'variant', gender: gender === 'female' ? 'F' : 'M', file: `!v/${name}` };
    });
}
async function speak(voice: string): Promise<void> {
  const text = (await buffer(process.stdin)).toString();
  if (worker.set_voice(voice) !== 0) {
    process.stderr.write(`There is no voice ${voice}.\n`);
    process.exitCode = 1;
    return;
  }
  if (values.s !== undefined) worker.set_rate(Number(values.s));
  const parts: Uint8Array[] = [];
  worker.synthesize(text, (samples) => {
    parts.push(bytesOf(samples));
    return false;
  });
  const samples = Buffer.concat(parts);
  process.stdout.write(Buffer.concat([wavHeader({ rateHz: worker.get_samplerate(), channels: 1 }, samples.length), samples]));
}
