/**
 * `node scripts/acoustic/train.ts`: trains the acoustic model of the ear `russian-acoustic` and counts its language model. Needs the Debian
 * packages festvox-ru, espeak-ng, sphinxtrain and pocketsphinx, and about half an hour on two cores.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sentences } from '../../adapters/asr/russian-acoustic/decoder.ts';
import { onQuietLine } from '../../adapters/asr/russian-acoustic/quiet-line.ts';
import { readWav, wavFile } from '../../media/audio/wav.ts';
import { optionsOf } from '../options.ts';
import { createDraw, deskSentences, oneOf, phoneSentences } from './desk.ts';
import { pronounced } from './phones.ts';
import { levelOf, overPhone, recordingOf, recordings, withNoise } from './recordings.ts';
import { arpaOf } from './trigrams.ts';

const run = promisify(execFile);
const model = join(import.meta.dirname, '..', '..', 'adapters', 'asr', 'russian-acoustic', 'ru');
const libraries = ['/usr/lib/x86_64-linux-gnu/sphinxtrain', '/usr/lib/aarch64-linux-gnu/sphinxtrain', '/usr/lib/sphinxtrain'];
/** Voices of espeak-ng; m2, f4, steph and Mike are kept for tests. */
const voices = ['', '+m1', '+m3', '+m4', '+m7', '+f1', '+f2', '+f3', '+f5', '+klatt2', '+Andy', '+belinda'];
/**
 * Numbers of sentences: parts of the recordings' texts and sentences of the desk, both spoken by espeak-ng; and sentences for the language
 * model.
 */
const [spokenParts, spokenSentences, sentencesOfModel, sentencesOfPhone] = [900, 1_800, 60_000, 24_000];

interface Utterance {
  readonly id: string;
  readonly words: readonly string[];
}

const { work = await mkdtemp(join(tmpdir(), 'acoustic-')), sentences = false } = optionsOf(
  'node scripts/acoustic/train.ts [--work FOLDER] [--sentences]\n\nTrains the acoustic model of the ear russian-acoustic into adapters/asr/russian-acoustic/ru. Audio already in FOLDER is reused. --sentences rebuilds only the dictionary and the language models, after a change of desk.ts.',
  { work: { type: 'string' }, sentences: { type: 'boolean' } },
);
const draw = createDraw(11);
const { trained } = await recordings();
await mkdir(join(work, 'wav'), { recursive: true });
await mkdir(join(work, 'etc'), { recursive: true });
if (!sentences) {
  const utterances = await madeBefore(async () => [...(await recorded()), ...(await synthesized())]);
  await train(utterances, await pronounced([...new Set(utterances.flatMap(({ words }) => words))].sort()));
  await deliverSounds();
}
await deliverSentences();

/** Reuses the audio of an earlier run in the same folder. */
async function madeBefore(make: () => Promise<readonly Utterance[]>): Promise<readonly Utterance[]> {
  const list = join(work, 'utterances.json');
  const before = await readFile(list, 'utf8').catch(() => null);
  if (before !== null) return JSON.parse(before) as readonly Utterance[];
  const made = await make();
  await writeFile(list, JSON.stringify(made));
  return made;
}

async function recorded(): Promise<readonly Utterance[]> {
  for (const { id } of trained) await keep(id, await recordingOf(id));
  return trained;
}

async function synthesized(): Promise<readonly Utterance[]> {
  const parts = trained.flatMap(({ words }) =>
    Array.from({ length: Math.floor(words.length / 8) }, (_, nth) => words.slice(nth * 8, nth * 8 + 8)),
  );
  const texts = [
    ...Array.from({ length: spokenParts }, () => oneOf(parts, draw)),
    ...deskSentences(spokenSentences, 17).map((sentence) => sentence.split(' ')),
  ];
  const wanted = texts.map((words, nth) => ({
    ...{ id: `e${nth}`, words, voice: oneOf(voices, draw), speed: 130 + Math.floor(draw() * 70), pitch: 30 + Math.floor(draw() * 40) },
  }));
  const next = wanted.values();
  const speak = async (): Promise<void> => {
    for (const { id, words, voice, speed, pitch } of next) {
      const args = ['-v', `ru${voice}`, '-s', String(speed), '-p', String(pitch), '--stdout', words.join(' ')];
      const { stdout } = await run('espeak-ng', args, { encoding: 'buffer', maxBuffer: 64 << 20 });
      const speech = overPhone(readWav(stdout));
      await keep(id, Number(id.slice(1)) % 3 === 0 ? withNoise(speech, levelOf(speech), 10 + draw() * 15, draw) : speech);
    }
  };
  await Promise.all(Array.from({ length: 4 }, speak));
  return wanted.map(({ id, words }) => ({ id, words }));
}

async function keep(id: string, speech: Int16Array): Promise<void> {
  await writeFile(join(work, 'wav', `${id}.wav`), wavFile({ rateHz: 8_000, channels: 1 }, onQuietLine(speech)));
}

async function train(utterances: readonly Utterance[], phones: ReadonlyMap<string, readonly string[]>): Promise<void> {
  // Debian installs the parts of the trainer in two folders, but the trainer expects them in one.
  const tools = join(work, 'tools', 'lib', 'sphinxtrain');
  await mkdir(tools, { recursive: true });
  for (const library of libraries)
    for (const name of await readdir(library).catch(() => [])) await symlink(join(library, name), join(tools, name)).catch(() => {});
  await mkdir(join(work, 'tools', 'bin'), { recursive: true });
  const program = join(work, 'tools', 'bin', 'sphinxtrain');
  await cp('/usr/bin/sphinxtrain', program);
  const etc = (name: string, lines: readonly string[]) => writeFile(join(work, 'etc', name), `${lines.join('\n')}\n`);
  const [first] = utterances;
  for (const [name, some] of [
    ['train', utterances],
    ['test', first === undefined ? [] : [first]],
  ] as const) {
    await etc(
      `ru_${name}.fileids`,
      some.map(({ id }) => id),
    );
    await etc(
      `ru_${name}.transcription`,
      some.map(({ id, words }) => `<s> ${words.join(' ')} </s> (${id})`),
    );
  }
  await etc(
    'ru.dic',
    [...phones].map(([word, of]) => `${word} ${of.join(' ')}`),
  );
  await etc('ru.phone', [...new Set([...phones.values()].flat()), 'SIL'].sort());
  await etc('ru.filler', ['<s> SIL', '</s> SIL', '<sil> SIL']);
  const settings: Readonly<Record<string, string>> = {
    ...{ WAVFILE_EXTENSION: "'wav'", WAVFILE_TYPE: "'mswav'", WAVFILE_SRATE: '8000.0', NUM_FILT: '31', LO_FILT: '200', HI_FILT: '3500' },
    ...{ HMM_TYPE: "'.cont.'", FINAL_NUM_DENSITIES: '8', N_TIED_STATES: '300', CONVERGENCE_RATIO: '0.04', MAX_ITERATIONS: '6' },
    ...{ NPART: '2', QUEUE_TYPE: '"Queue"', CI_MGAU: "'no'", CD_TRAIN: "'yes'" },
  };
  const env = { ...process.env, PERL_USE_UNSAFE_INC: '1', LC_ALL: 'C.UTF-8' };
  await run('python3', [program, '-t', 'ru', 'setup'], { cwd: work, env });
  const file = join(work, 'etc', 'sphinx_train.cfg');
  let config = await readFile(file, 'utf8');
  for (const [name, value] of Object.entries(settings))
    config = config.replace(new RegExp(`^\\$CFG_${name}\\s*=.*$`, 'm'), `$CFG_${name} = ${value};`);
  await writeFile(file, config);
  await run(
    'python3',
    [
      program,
      '-s',
      'comp_feat,verify,g2p_train,lda_train,mllt_train,vector_quantize,falign_ci_hmm,force_align,ci_hmm,cd_hmm_untied,buildtrees,prunetree,cd_hmm_tied',
      'run',
    ],
    {
      cwd: work,
      env,
      maxBuffer: 64 << 20,
    },
  );
}

/** Copies the files that the ear needs. */
async function deliverSounds(): Promise<void> {
  const parameters = join(work, 'model_parameters', 'ru.cd_cont_300');
  await rm(model, { recursive: true, force: true });
  await mkdir(model, { recursive: true });
  for (const name of ['means', 'variances', 'mixture_weights', 'transition_matrices', 'feat.params', 'noisedict'])
    await cp(join(parameters, name), join(model, name));
  await run('pocketsphinx_mdef_convert', ['-bin', join(parameters, 'mdef'), join(model, 'mdef')]);
  await writeFile(join(model, 'stdin.ctl'), 'stdin\n');
}

/** Writes the dictionary and the language model of the desk. */
async function deliverSentences(): Promise<void> {
  const desk = deskSentences(sentencesOfModel, 5).map((sentence) => sentence.split(' '));
  const words = await pronounced([...new Set(desk.flat())].sort());
  await writeFile(join(model, 'words.dict'), `${[...words].map(([word, of]) => `${word} ${of.join(' ')}`).join('\n')}\n`);
  await deliverModel('desk', desk);
  // Half of it parts of phones: somebody who is asked for a phone may also ask back.
  const half = sentencesOfPhone / 2;
  const phone = [...phoneSentences(half, 5), ...desk.slice(0, half).map((sentence) => sentence.join(' '))];
  await deliverModel(
    'phone',
    phone.map((sentence) => sentence.split(' ')),
  );
}
async function deliverModel(name: Sentences, sentences: readonly (readonly string[])[]): Promise<void> {
  const arpa = join(work, `${name}.lm`);
  await writeFile(arpa, arpaOf(sentences));
  await run('sphinx_lm_convert', ['-i', arpa, '-o', join(model, `${name}.lm.bin`)]);
}
