/** Runs a talk on an answered leg: the streams of the leg, the recogniser, the voice and the dialog around the state machine. */

import { createOutbox, type Outbox } from '../../../adapters/outbox.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { dialog } from '../../../contracts/dialog.ts';
import { telephony } from '../../../contracts/telephony.ts';
import { createCadence } from '../../../media/audio/cadence.ts';
import { decode } from '../../../media/audio/g711.ts';
import { createToneDetector, type ToneDetector } from '../../../media/audio/tone-detector.ts';
import { voiceActivity } from '../../../media/audio/voice-activity.ts';
import { type AnswerVerdict, createAnswerDetector } from '../line/answering.ts';
import { createSpeaker } from '../line/speaker.ts';
import { type AnsweredInWords, answeredBy } from './answering-words.ts';
import { createEar } from './ear.ts';
import { createEchoGuard } from './echo.ts';
import { createHearing, tickMs } from './hearing.ts';
import { spokenWords } from './interruption.ts';
import { type CompletedTurn, createTalk, type TalkEntry, type TalkEvent, type TalkOrder } from './machine.ts';
import { createPlayer } from './player.ts';
import type { TalkRules } from './rules.ts';
import { createVoice } from './voice.ts';

export interface TalkParts {
  readonly bus: Pick<Bus, 'open' | 'call'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly timers?: Timers | undefined;
  readonly rules: TalkRules;
  readonly language: string;
  readonly voice: string | undefined;
  /** Stores what one side said. */
  readonly note: (entry: TalkEntry) => Promise<void>;
  /** Hands the customer over to a person; false: none of them takes the call. */
  readonly transfer: (signal: AbortSignal) => Promise<boolean>;
  /** Reports a turn whose entries are stored. */
  readonly completed: (turn: CompletedTurn) => Promise<void>;
  /** Who has answered, once it is known. Absent where this system has answered. */
  readonly answered?: ((by: AnsweredInWords | AnswerVerdict) => Promise<void>) | undefined;
}
/** Each gives what stops it. */
export interface Timers {
  after(ms: number, act: () => void): () => void;
  every(ms: number, act: () => void): () => void;
}
const ofTheProcess: Timers = {
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  every(ms, act) {
    const timer = setInterval(act, ms);
    return () => clearInterval(timer);
  },
};
export interface TalkedCall {
  readonly callId: string;
  readonly legId: string;
  readonly direction: 'in' | 'out';
  /** Of the customer; null if it is withheld. */
  readonly phoneNumber: string | null;
}
const answerMs = 60_000;
/** More options are not kept in mind. */
const mostOptions = 3;
/** Words within this time tell who has answered. */
export const firstWordsMs = 20_000;
/** The beep of a mailbox; tones that a voice hums are shorter. */
export const beepMs = 400;
/** An utterance has at most 4,096 letters; a voice that speaks longer does not end. */
const longestSpeechMs = 600_000;
/** Audio that may wait to be sent. */
export const spokenAheadMs = 20_000;
const farewells = /до свидан|всего доброго|всего хорошего|(^|\s)пока[.!]?$|goodbye|(^|\s)bye/i;
/** A dialog takes no longer message. */
const longestMessage = 4_096;

/** Resolves when the leg has ended. */
export async function runTalk(
  { callId, legId, direction, phoneNumber }: TalkedCall,
  { bus, log, now, timers = ofTheProcess, rules, language, voice: voiceName, note, transfer, completed, answered }: TalkParts,
  signal: AbortSignal,
): Promise<void> {
  const leg = createSpeaker();
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const talk = createTalk(rules);
  let answering = answered && createAnswerDetector();
  /** The words of a mailbox were heard. */
  let beeps: ToneDetector | undefined;
  const startedAt = now();
  let unwake = (): void => {};
  /** The answer that is under way, and what its dialog is told. */
  let asking: { readonly answer: number; readonly up: Outbox<Reported> } | undefined;
  let noted: Promise<void> = Promise.resolve();

  function give(event: TalkEvent): void {
    if (until.aborted) return;
    for (const order of talk.give(event, now())) obey(order);
  }
  const echo = createEchoGuard(now);
  const player = createPlayer({
    now,
    leg: {
      say(item) {
        if ('clear' in item) echo.cleared();
        else if ('audio' in item) echo.sent(item.audio);
        leg.say(item);
      },
    },
    played(utterance, heard) {
      give({ kind: 'played', utterance, ...heard });
      voice.goOn();
    },
  });
  const ear = createEar(
    {
      ...{ bus, log, language },
      heard(segment, text, isFinal, judged) {
        if (isFinal) judgeWords(text);
        const words = { segment, text, db: hearing.speechDb };
        give(isFinal ? { kind: 'final', ...words, judged } : { kind: 'partial', ...words });
      },
      heardAnew: (segment) => give({ kind: 'heard_anew', segment }),
      finalized: (segment) => give({ kind: 'finalized', segment }),
    },
    until,
  );
  const voiced = new Map<number, number>();
  const voice = createVoice(
    {
      ...{ bus, log, language, voice: voiceName, hasRoom: () => player.waitingMs < spokenAheadMs },
      audio(utterance, pcmu) {
        const ms = (voiced.get(utterance) ?? 0) + pcmu.length / 8;
        if (ms > longestSpeechMs) return;
        voiced.set(utterance, ms);
        give({ kind: 'voiced', utterance, ms });
        player.add(utterance, pcmu);
      },
      ended(utterance, isVoiced) {
        voiced.delete(utterance);
        if (!isVoiced) give({ kind: 'unvoiced', utterance });
        player.end(utterance);
      },
    },
    until,
  );
  const cadence = createCadence();
  const hearing = createHearing({
    ...{ detector: await voiceActivity(), now, echoDb: echo.level },
    stirred: () => give({ kind: 'stirred' }),
    started(segment, at) {
      ear.begin(segment);
      give({ kind: 'speech_started', segment, at });
    },
    audio(pcmu) {
      ear.hear(pcmu);
      cadence.push(decode('PCMU', pcmu));
    },
    stopped(segment, at, soundAt) {
      ear.end();
      give({ kind: 'speech_stopped', segment, at, soundAt, sounding: cadence.end() });
    },
  });

  function obey(order: TalkOrder): void {
    switch (order.order) {
      case 'say':
        player.begin(order.utterance);
        voice.say(order.utterance, order.text);
        return;
      case 'pause':
        player.pause();
        return;
      case 'resume':
        player.resume();
        return;
      case 'hush':
        voice.hush();
        player.hush();
        return;
      case 'ask':
        void ask(order.answer, order.message, order.isEager ?? false);
        return;
      case 'confirm':
        if (asking?.answer === order.answer) asking.up.put({ is: 'confirm' });
        return;
      case 'drop':
        if (asking?.answer !== order.answer) return;
        asking.up.put({ is: 'heard', sentences: order.sentences });
        asking.up.put({ is: 'cancel' });
        return;
      case 'note':
        noted = noted.then(() => note(order.entry)).catch((err: unknown) => log.warn({ err, callId }, 'what was said could not be stored'));
        return;
      case 'complete':
        noted = noted.then(() => acted(completed(order.turn), 'a turn could not be reported'));
        return;
      case 'skip':
        log.warn({ callId }, 'the voice of a call gave no audio; the sentence is left out');
        voice.skip(order.utterance);
        player.skip(order.utterance);
        return;
      case 'transfer':
        void handOver();
        return;
      case 'record':
        void acted(bus.call(telephony.record, { legId, on: true }, { signal: until }), 'the leg could not be recorded');
        return;
      case 'hang_up':
        void acted(bus.call(telephony.hang_up, { legId }, { signal }), 'the leg could not be hung up');
        return;
      case 'wake':
        unwake();
        if (order.at !== null) unwake = timers.after(Math.max(0, order.at - now()), () => give({ kind: 'woken' }));
    }
  }
  async function ask(answer: number, message: string, isEager: boolean): Promise<void> {
    const up = createOutbox<Reported>();
    // The stream of an answer stays open while it is spoken, and no longer.
    asking?.up.end();
    asking = { answer, up };
    const said = {
      sessionId: callId,
      message: message.slice(0, longestMessage),
      isEager,
      ...(phoneNumber === null ? {} : { phoneNumber }),
    };
    try {
      for await (const item of bus.open(dialog.dialog_stream, said, up, { signal: until, timeoutMs: answerMs })) {
        if (item.is === 'sentence') give({ kind: 'sentence', answer, text: item.text });
        else if (item.is === 'tool') give({ kind: 'tool', answer });
        else if (item.is === 'done') {
          const { isHandedOver, choices } = item.answer;
          const isLast = farewells.test(spokenWords(message).join(' '));
          if (choices.length > 0 && !isLast && !isHandedOver) give({ kind: 'sentence', answer, text: optionsOf(choices) });
          give({ kind: 'answered', answer, isLast, expects: item.answer.expects, handsOver: isHandedOver });
        }
      }
      give({ kind: 'answered', answer, isLast: false, expects: [] });
    } catch (err) {
      if (!until.aborted) log.warn({ err, callId }, 'the dialog of a call failed');
      give({ kind: 'failed', answer });
    } finally {
      up.end();
    }
  }
  async function handOver(): Promise<void> {
    try {
      give({ kind: (await transfer(until)) ? 'transferred' : 'transfer_failed' });
    } catch (err) {
      if (!until.aborted) log.warn({ err, callId }, 'a call could not be handed over');
      give({ kind: 'transfer_failed' });
    }
  }
  const optionsOf = (choices: readonly { readonly title: string }[]): string =>
    `${rules.youMaySay} ${choices
      .slice(0, mostOptions)
      .map(({ title }) => title)
      .join('; ')}.`;
  async function acted(work: Promise<unknown>, failure: string): Promise<void> {
    try {
      await work;
    } catch (err) {
      log.info({ err, callId }, failure);
    }
  }
  function hasAnswered(by: AnsweredInWords | AnswerVerdict): void {
    noted = noted.then(() => acted(answered?.(by) ?? Promise.resolve(), 'it could not be stored who has answered'));
  }
  /** The first words may retract what their sound has told. */
  function judgeWords(text: string): void {
    const by = answered === undefined || now() > startedAt + firstWordsMs ? null : answeredBy(text);
    if (by === null) return;
    answering = undefined;
    hasAnswered(by);
    if (by === 'human') return;
    give({ kind: 'answered_by', who: by });
    if (by === 'machine') beeps = createToneDetector({ minMs: beepMs });
  }
  function listenForBeep(samples: Int16Array): void {
    if ((beeps?.push(samples).length ?? 0) === 0) return;
    beeps = undefined;
    give({ kind: 'beep' });
  }

  const untick = timers.every(tickMs, hearing.tick);
  try {
    const items = bus.open(telephony.media, { legId }, leg, { signal: until });
    give({ kind: 'started', direction });
    for await (const item of items) {
      if (item instanceof Uint8Array) {
        hearing.frame(item);
        const samples = decode('PCMU', item);
        listenForBeep(samples);
        const verdict = answering?.push(samples) ?? null;
        if (verdict !== null) hasAnswered(verdict);
        if (verdict === 'machine') give({ kind: 'beep' });
      } else if ('played' in item) player.heard(item.played, item.ms);
      else if ('delayMs' in item) hearing.delayed(item.delayMs);
      else if ('dtmf' in item) give({ kind: 'key', key: item.dtmf });
      else if ('held' in item) {
        hearing.reset();
        cadence.end();
        give({ kind: 'held', isHeld: item.held });
      }
    }
  } finally {
    for (const order of talk.give({ kind: 'left' }, now())) obey(order);
    over.abort();
    for (const end of [untick, unwake, hearing.close, leg.end, ear.close, voice.close]) end();
    await noted;
  }
}
/** What a dialog is told about its answer. */
type Reported = { readonly is: 'heard'; readonly sentences: number } | { readonly is: 'cancel' | 'confirm' };
