/** The silence after which a customer has finished: longer during dictation, after an incomplete sentence, and for slow speakers. */
import type { z } from 'zod';
import type { Expected as ExpectedKind } from '../../../contracts/dialog.ts';
import { isPhoneUnderWay } from '../../../media/russian/hear.ts';
import { spokenWords } from './interruption.ts';
import type { TalkRules } from './rules.ts';

export type Expected = z.infer<typeof ExpectedKind>;
export interface EndOfTurn {
  /** @param text the words of the turn so far @param soFar digits of the expected phone that earlier turns contained */
  silenceMs(text: string, expects: readonly Expected[], likely?: Likely, soFar?: string): number;
  /** Notes that the customer went on after a silence. */
  wentOn(pauseMs: number): void;
}
/** Probabilities that the customer has finished, 0 to 1; null: unknown. */
export interface Likely {
  /** By the cadence of their voice. */
  readonly sounding: number | null;
  /** By the judgement of the recogniser, which knows words and sound and takes precedence. */
  readonly judged: number | null;
}
type Rules = Pick<TalkRules, 'silenceMs' | 'dictationMs' | 'learnsSilence'>;

/** Data that customers give in parts. */
const dictated: ReadonlySet<Expected> = new Set(['phone', 'name', 'address', 'email', 'number']);
const announcesNumber = /(^|\s)(номер\S*|телефон\S*|код\S*|number|phone)(\s|$)/i;
const announcesRest = /(^|\s)(адрес|фамилия|имя|отчество|зовут|улица|проспект|дом|квартира|address|name)(\s\S+)?$/i;
/** A question is complete with its noun: «какой у вас адрес». */
const asks = /(^|\s)(как(ой|ая|ое|ие|ого|ую)|где|куда|чей|чья|what|which|where)(\s|$)/i;
/** Words that begin a question, perhaps after polite phrases. They also join the parts of long sentences. */
const questionWords = new Set(
  'как какой какая какое какие что кто где куда откуда когда сколько почему зачем чей чья можно what who where when why how which'.split(
    ' ',
  ),
);
const [questionBegins, longestQuestion] = [4, 8];
/** Digits of a phone without its country code. */
const phoneDigits = 10;
/** Words that need a continuation: prepositions, conjunctions, and verbs without their object. */
const openEnded = new Set(
  [
    'и а но или либо что чтобы чтоб если когда пока хотя потому поэтому так как то ли который которая которое',
    'которые которую которого где куда это не ни ещё еще же бы очень самый в во на с со к ко у о об от до из за по',
    'под над при для без про через после перед между около вместо кроме против ради среди возле согласно благодаря',
    'даже лишь именно почти слишком довольно более менее вдруг затем однако зато также свой свою свои своего своей',
    'наш наша наше наши нашу вашу вашего собираюсь планирую интересует интересуют смогу могли',
    'ну вот мне мой моя моё ваш ваша есть нужно надо хочу',
    'хотел хотела можно могу можете стоит скажите пожалуйста подскажите здравствуйте э эм ээ м мм',
    'and or but that if when because the a an to of in on at for with my is um uh',
  ].flatMap((line) => line.split(' ')),
);
/** «Нет ли у вас» without the following noun. */
const asksWhetherThereIs = /(^| )(есть|нет|нету) ли( у \S+)?$/;
/** Pauses of a customer that are remembered; shorter silence is part of speech. */
const [mostPauses, shortestPauseMs] = [6, 250];
/** Margin over the customer's longest pause, and maximum factor over the fixed silence. */
const [marginMs, mostTimes] = [100, 2];

/** How far a value is on the way between two others, 0 to 1. */
const share = (value: number, from: number, to: number): number => Math.max(0, Math.min(1, (value - from) / (to - from)));

/** Factor of the silence if the cadence is unfinished, and the range of probabilities over which it falls to 1. */
const [mostSoundingTimes, unlikely, likely] = [1.4, 0.4, 0.6];
export const silenceTimes = (sounding: number): number => 1 + (mostSoundingTimes - 1) * share(sounding, likely, unlikely);

/** The same for the recogniser's judgement: certainty of an end shortens the silence, certainty of a continuation doubles it. */
const [shortestTimes, sure, open, goesOn] = [0.8, 0.7, 0.5, 0.3];
function judgedTimes(judged: number): number {
  return judged >= open ? 1 - (1 - shortestTimes) * share(judged, open, sure) : 1 + (mostTimes - 1) * share(judged, open, goesOn);
}

export function createEndOfTurn({ silenceMs, dictationMs, learnsSilence }: Rules): EndOfTurn {
  /** Pauses, converted to those after a finished sentence. */
  const pauses: number[] = [];
  /** The words before the silence were incomplete, so the pause says nothing about the speaker. */
  let isExpected = false;
  let times = 1;
  return {
    silenceMs(text, expects, { sounding, judged } = { sounding: null, judged: null }, soFar = '') {
      isExpected = isUnfinished(text, expects, soFar);
      times = judged !== null ? judgedTimes(judged) : sounding === null || isQuestion(text) ? 1 : silenceTimes(sounding);
      const learnedMs = learnsSilence && pauses.length > 0 ? Math.min(Math.max(...pauses) + marginMs, silenceMs * mostTimes) : 0;
      const usualMs = Math.min(Math.max(silenceMs, learnedMs) * times, silenceMs * mostTimes);
      return isExpected ? Math.max(usualMs, dictationMs) : usualMs;
    },
    wentOn(pauseMs) {
      if (isExpected || pauseMs < shortestPauseMs || pauseMs > dictationMs) return;
      pauses.push(pauseMs / times);
      if (pauses.length > mostPauses) pauses.shift();
    },
  };
}

/** A question may rise at its end, so its cadence does not count. */
function isQuestion(text: string): boolean {
  const words = spokenWords(text);
  if (words.includes('ли')) return true;
  return words.length <= longestQuestion && words.slice(0, questionBegins).some((word) => questionWords.has(word));
}

function isUnfinished(text: string, expects: readonly Expected[], soFar: string): boolean {
  const words = spokenWords(text);
  const digits = countDigits(words) + soFar.replace(/^[78]/, '').length;
  const isPhone = expects.includes('phone') || (!expects.includes('number') && announcesNumber.test(text));
  if (isPhone && digits >= phoneDigits) return false;
  if (expects.some((each) => dictated.has(each))) return true;
  const asksForNoun = asks.test(text);
  if (isPhone && (digits > 0 || (announcesNumber.test(words.slice(-3).join(' ')) && !asksForNoun))) return true;
  if (isPhoneUnderWay(text)) return true;
  return (
    (announcesRest.test(words.join(' ')) && !asksForNoun) || openEnded.has(words.at(-1) ?? '') || asksWhetherThereIs.test(words.join(' '))
  );
}

const hundreds = /^(сто|двести|триста|четыреста|(пять|шесть|семь|восемь|девять)сот)$/;
const tens = /^(двадцать|тридцать|сорок|(пять|шесть|семь|восемь)десят|девяносто)$/;
const teens = /^(десять|\S+надцать)$/;
const units = /^(один|одна|два|две|три|четыре|пять|шесть|семь|восемь|девять)$/;
/** The number of digits said, in words or figures. */
export function countDigits(words: readonly string[]): number {
  let count = 0;
  /** Digits of the current number that a smaller one may still complete. */
  let open = 0;
  for (const word of words) {
    const size = hundreds.test(word) ? 3 : tens.test(word) || teens.test(word) ? 2 : units.test(word) ? 1 : 0;
    if (size === 0 || size >= open) {
      count += size > 0 ? size : /^\d+$/.test(word) ? word.length : /^(ноль|нуль)$/.test(word) ? 1 : 0;
      open = size;
    } else open = teens.test(word) ? 0 : size;
    if (teens.test(word) || size === 1) open = 0;
  }
  return count;
}
