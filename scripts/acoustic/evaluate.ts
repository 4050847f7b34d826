/**
 * `node scripts/acoustic/evaluate.ts`: word errors of the acoustic model on held-out recordings: long literary sentences of the man it was
 * trained on, with a language model of the other recordings' sentences. Needs the packages of train.ts, and a minute.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDecoder } from '../../adapters/asr/russian-acoustic/decoder.ts';
import { pronounced } from './phones.ts';
import { recordingOf, recordings } from './recordings.ts';
import { arpaOf } from './trigrams.ts';

const run = promisify(execFile);
const model = join(import.meta.dirname, '..', '..', 'adapters', 'asr', 'russian-acoustic', 'ru');
const decodeMs = 120_000;
const { trained, heldOut } = await recordings();
const folder = await mkdtemp(join(tmpdir(), 'acoustic-'));
try {
  await cp(model, folder, { recursive: true });
  const said = heldOut.map(({ words }) => words);
  const phones = await pronounced([...new Set([...trained.flatMap(({ words }) => words), ...said.flat()])].sort());
  await writeFile(join(folder, 'words.dict'), `${[...phones].map(([word, of]) => `${word} ${of.join(' ')}`).join('\n')}\n`);
  const others = trained.map(({ words }) => words);
  await evaluate('its words alone', [...others, ...said.flat().map((word) => [word])]);
  await evaluate('its sentences', [...others, ...said]);
} finally {
  await rm(folder, { recursive: true });
}

/** @param known describes how much of the test the language model knows */
async function evaluate(known: string, sentences: readonly (readonly string[])[]): Promise<void> {
  await writeFile(join(folder, 'lm'), arpaOf(sentences));
  await run('sphinx_lm_convert', ['-i', join(folder, 'lm'), '-o', join(folder, 'desk.lm.bin')]);
  const decode = createDecoder('pocketsphinx_batch', folder);
  let [errors, words, seconds] = [0, 0, 0];
  const began = performance.now();
  for (const recording of heldOut) {
    const speech = await recordingOf(recording.id);
    const heard = (await decode(speech, AbortSignal.timeout(decodeMs))).map(({ text }) => text);
    errors += differences(recording.words, heard);
    words += recording.words.length;
    seconds += speech.length / 8_000;
  }
  const realTime = ((performance.now() - began) / 1_000 / seconds).toFixed(3);
  console.log(
    `the language model knows ${known}: ${((100 * errors) / words).toFixed(1)} % of ${words} words wrong, in ${realTime} of real time`,
  );
}

/** Words omitted, inserted or substituted (Levenshtein distance). */
function differences(said: readonly string[], heard: readonly string[]): number {
  let above = Array.from({ length: heard.length + 1 }, (_, nth) => nth);
  for (const [row, word] of said.entries()) {
    const here = [row + 1];
    for (const [column, other] of heard.entries())
      here.push(Math.min((above[column + 1] ?? 0) + 1, (here[column] ?? 0) + 1, (above[column] ?? 0) + (word === other ? 0 : 1)));
    above = here;
  }
  return above[heard.length] ?? 0;
}
