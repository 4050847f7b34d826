/** How much the ears without a key hear: phrases of a desk, in voices that no ear was made with, clean and in noise, and speech of others. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createEarThread } from '../adapters/asr/phrases/ear-thread.ts';
import { phrasesEar, phrasesSettings } from '../adapters/asr/phrases/phrases.ts';
import { phraseOf, takeRate, trimmed, vocabulary } from '../adapters/asr/phrases/vocabulary.ts';
import { createPieces, noiseDb as floorOf } from '../adapters/asr/pieces.ts';
import type { Ear } from '../adapters/asr/port.ts';
import { russianAcousticEar, russianAcousticSettings } from '../adapters/asr/russian-acoustic/russian-acoustic.ts';
import { espeak } from '../adapters/tts/espeak.ts';
import { encode } from '../media/audio/g711.ts';
import { readWav } from '../media/audio/wav.ts';
import { createDraw } from '../scripts/acoustic/desk.ts';
import { levelOf, overPhone, recordingOf, recordings, withNoise } from '../scripts/acoustic/recordings.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';

const run = promisify(execFile);
/** What the ears are asked to hear; the ear `phrases` is given the list as hints. */
const phrases: readonly string[] = [
  ...['да', 'нет', 'алло', 'здравствуйте', 'добрый день', 'кто это', 'не слышно вас', 'перезвоните позже', 'мне неудобно говорить'],
  ...['уберите мой номер', 'больше не звоните', 'соедините с человеком', 'позовите оператора', 'сколько это стоит', 'какие у вас услуги'],
  ...['запишите меня на стрижку', 'запишите меня на маникюр', 'хочу записаться на завтра', 'можно на послезавтра', 'на пятницу'],
  ...['в понедельник утром', 'в пять часов вечера', 'в половине третьего', 'давайте в десять тридцать', 'подходит', 'не подходит'],
  ...['отмените запись', 'перенесите на другой день', 'меня зовут иван', 'меня зовут мария', 'спасибо до свидания'],
  ...['повторите пожалуйста', 'подумаю и перезвоню', 'это дорого', 'мне уже звонили', 'какой у вас адрес', 'вы работаете в воскресенье'],
  ...['хорошо договорились', 'я вас слушаю', 'говорите'],
];
const syntheticVoices = ['ru+m2', 'ru+f4', 'ru+steph', 'ru+Mike'];
const noises: readonly (number | null)[] = [null, 15, 8];
/** Cuts of recordings that say none of the phrases, of so many seconds. */
const [unknownCuts, cutSeconds] = [40, 2];

interface Said {
  readonly text: string;
  readonly speech: Int16Array;
}
export interface EarFigures {
  readonly voice: string;
  /** How far below the speech the noise is; null: none. */
  readonly noiseDb: number | null;
  readonly of: number;
  readonly right: number;
  readonly wrong: number;
  readonly refused: number;
  /** Time of the ear by that of the speech. */
  readonly realTime: number;
}

/** What the ear `phrases` can tell apart, whatever it refuses. */
export interface NearestFigures {
  readonly noiseDb: number | null;
  /** Human phrases whose nearest phrase is the one that was said. */
  readonly nearestIsRight: number;
  readonly of: number;
  /** The share of other speech that is as near as the nearest 80 % of the phrases, in percent. */
  readonly takenAt80Percent: number;
}

export async function benchEars(): Promise<Readonly<Record<string, readonly (EarFigures | NearestFigures)[]>>> {
  const sets = [
    ['synthetic', (await Promise.all(syntheticVoices.map(synthetic))).flat()],
    ['human', await human()],
    ['human, other words', await unknown()],
  ] as const;
  const figures: Record<string, readonly (EarFigures | NearestFigures)[]> = {};
  for (const ear of [phrasesEar(phrasesSettings.parse({})), russianAcousticEar(russianAcousticSettings.parse({}))]) {
    const name = ear.provider;
    const measured: EarFigures[] = [];
    for (const [voice, said] of sets)
      for (const noiseDb of noises) {
        measured.push({ voice, noiseDb, ...(await hear(ear, said, noiseDb)) });
        const { of, right, wrong, refused, realTime } = measured.at(-1) as EarFigures;
        console.error(
          `  ${name}, ${voice}, ${noiseDb ?? 'no'} dB: ${right} of ${of}, ${wrong} wrong, ${refused} refused, ${realTime} of real time`,
        );
      }
    await ear.close?.();
    figures[name] = measured;
  }
  figures['phrases, without refusal'] = await nearest(sets[1][1], sets[2][1]);
  return figures;
}

async function nearest(known: readonly Said[], other: readonly Said[]): Promise<readonly NearestFigures[]> {
  const thread = createEarThread();
  const signal = AbortSignal.timeout(600_000);
  const hints = await vocabulary(thread, espeak(phrasesSettings.parse({}), takeRate)).phrasesFor(
    { language: 'ru-RU', hints: phrases },
    signal,
  );
  const matchesOf = async (said: readonly Said[], noiseDb: number | null) => {
    const draw = createDraw(3);
    const matches: { readonly isRight: boolean; readonly score: number }[] = [];
    for (const { text, speech } of said) {
      const samples = noisy(speech, noiseDb, draw);
      const pieces = createPieces({ floorDb: Math.min(floorOf(samples), -25) });
      const made = [...pieces.push(samples), pieces.end()].filter((piece) => piece !== null);
      const whole = samples.slice(made[0]?.from ?? 0, made.at(-1)?.to ?? 0);
      const match = await thread.order({ do: 'match', speech: trimmed(whole), phrases: hints }, signal);
      matches.push({ isRight: match !== null && phraseOf(match.phrase) === text, score: match?.score ?? Infinity });
    }
    return matches;
  };
  const figures: NearestFigures[] = [];
  for (const noiseDb of noises) {
    const [heard, others] = [await matchesOf(known, noiseDb), await matchesOf(other, noiseDb)];
    const limit = heard.map(({ score }) => score).toSorted((a, b) => a - b)[Math.ceil(0.8 * heard.length) - 1] ?? 0;
    const taken = others.filter(({ score }) => score <= limit).length;
    figures.push({
      ...{ noiseDb, nearestIsRight: heard.filter(({ isRight }) => isRight).length, of: heard.length },
      takenAt80Percent: Number(((100 * taken) / others.length).toFixed(1)),
    });
    console.error('  phrases, without refusal:', JSON.stringify(figures.at(-1)));
  }
  await thread.close();
  return figures;
}

async function hear(ear: Ear, said: readonly Said[], noiseDb: number | null): Promise<Omit<EarFigures, 'voice' | 'noiseDb'>> {
  const draw = createDraw(3);
  let [right, wrong, refused, seconds] = [0, 0, 0, 0];
  const started = performance.now();
  for (const { text, speech } of said) {
    const audio = encode('PCMU', noisy(speech, noiseDb, draw));
    seconds += audio.length / 8_000;
    const heard = (await ear.recognize(audio, { language: 'ru-RU', hints: phrases }, AbortSignal.timeout(300_000)))
      .map(({ text }) => text)
      .join(' ');
    if (heard === '') refused += 1;
    else if (heard === text) right += 1;
    else wrong += 1;
  }
  return { of: said.length, right, wrong, refused, realTime: Number(((performance.now() - started) / 1_000 / seconds).toFixed(3)) };
}

/** Half a second before and after the speech, with white noise below its level. */
function noisy(speech: Int16Array, noiseDb: number | null, draw: () => number): Int16Array {
  const samples = new Int16Array(speech.length + 8_000);
  samples.set(speech, 4_000);
  return noiseDb === null ? samples : withNoise(samples, levelOf(speech), noiseDb, draw);
}

async function synthetic(voice: string): Promise<readonly Said[]> {
  return await Promise.all(
    phrases.map(async (text, nth) => {
      const { stdout } = await run(
        'espeak-ng',
        ['-v', voice, '-s', String(140 + (nth % 4) * 15), '-p', String(35 + (nth % 3) * 15), '--stdout', text],
        {
          encoding: 'buffer',
        },
      );
      return { text, speech: overPhone(readWav(stdout)) };
    }),
  );
}

/** festival speaks with units of a man's recordings; its start takes seconds. */
async function human(): Promise<readonly Said[]> {
  const dir = temporaryDir();
  const fileOf = (nth: number): string => join(dir, `${nth}.wav`);
  const orders = phrases.map((text, nth) => `(utt.save.wave (utt.synth (Utterance Text "${text}")) "${fileOf(nth)}")`);
  await writeFile(join(dir, 'say.scm'), ['(voice_msu_ru_nsh_clunits)', ...orders].join('\n'));
  await run('festival', ['-b', join(dir, 'say.scm')]);
  return await Promise.all(phrases.map(async (text, nth) => ({ text, speech: overPhone(readWav(await readFile(fileOf(nth)))) })));
}

async function unknown(): Promise<readonly Said[]> {
  const { heldOut } = await recordings();
  return await Promise.all(
    heldOut.slice(0, unknownCuts).map(async ({ id }) => {
      const speech = await recordingOf(id);
      return { text: '', speech: speech.slice(8_000, 8_000 + cutSeconds * 8_000) };
    }),
  );
}
