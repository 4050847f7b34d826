/**
 * `node scripts/acoustic/evaluate.ts`: word errors of the acoustic model on held-out recordings: long literary sentences of the man it was
 * trained on, with a language model of the other recordings' sentences; and of dictated phones, spoken by festival, with and without
 * the language model of phones. Needs the packages of train.ts and festival, and minutes.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDecoder, type Sentences } from '../../adapters/asr/russian-acoustic/decoder.ts';
import { readWav } from '../../media/audio/wav.ts';
import { createDraw, phoneSentences } from './desk.ts';
import { pronounced } from './phones.ts';
import { levelOf, overPhone, recordingOf, recordings, withNoise } from './recordings.ts';
import { arpaOf } from './trigrams.ts';

const run = promisify(execFile);
const model = join(import.meta.dirname, '..', '..', 'adapters', 'asr', 'russian-acoustic', 'ru');
const decodeMs = 120_000;
const phoneUtterances = 80;
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
  await evaluatePhones();
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

/** Utterances of the grammar of phones, of other draws than those of the language model. */
async function evaluatePhones(): Promise<void> {
  const said = phoneSentences(phoneUtterances, 77);
  const orders = said.map((text, nth) => `(utt.save.wave (utt.synth (Utterance Text "${text}")) "${join(folder, `${nth}.wav`)}")`);
  await writeFile(join(folder, 'say.scm'), ['(voice_msu_ru_nsh_clunits)', ...orders].join('\n'));
  await run('festival', ['-b', join(folder, 'say.scm')]);
  const decode = createDecoder('pocketsphinx_batch', model);
  const speech = await Promise.all(said.map(async (_, nth) => overPhone(readWav(await readFile(join(folder, `${nth}.wav`))))));
  for (const noiseDb of [null, 15])
    for (const sentences of ['desk', 'phone'] satisfies readonly Sentences[]) {
      const draw = createDraw(3);
      let [errors, words, right] = [0, 0, 0];
      for (const [nth, text] of said.entries()) {
        const clean = speech[nth] ?? new Int16Array();
        const audio = noiseDb === null ? clean : withNoise(clean, levelOf(clean), noiseDb, draw);
        const heard = (await decode(audio, AbortSignal.timeout(decodeMs), sentences)).map((word) => word.text);
        const wrong = differences(text.split(' '), heard);
        errors += wrong;
        words += text.split(' ').length;
        right += wrong === 0 ? 1 : 0;
      }
      const share = ((100 * errors) / words).toFixed(1);
      console.log(
        `phones, ${noiseDb ?? 'no'} dB, ${sentences}.lm.bin: ${share} % of ${words} words wrong, ${right} of ${said.length} utterances right`,
      );
    }
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
