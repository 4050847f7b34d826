/** Runs a talk on an answered leg: connects the leg, the recogniser, the voice and the dialog to the state machine. */

import { createOutbox, type Outbox } from '../../../adapters/outbox.ts';
import { dialog } from '../../../contracts/dialog.ts';
import { telephony } from '../../../contracts/telephony.ts';
import { createCadence } from '../../../media/audio/cadence.ts';
import { decode } from '../../../media/audio/g711.ts';
import { voiceActivity } from '../../../media/audio/voice-activity.ts';
import { createEar } from './ear.ts';
import { createHearing, tickMs } from './hearing.ts';
import { spokenWords } from './interruption.ts';
import { createTalk, type TalkEvent, type TalkOrder } from './machine.ts';
import { createTalkLine } from './talk-line.ts';
import type { TalkedCall, TalkParts, Timers } from './talk-parts.ts';

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
const answerMs = 60_000;
/** Listeners cannot remember more options. */
const mostOptions = 3;
const farewells = /до свидан|всего доброго|всего хорошего|(^|\s)пока[.!]?$|goodbye|(^|\s)bye/i;
/** The dialog accepts no longer messages. */
const longestMessage = 4_096;

/** Resolves when the leg has ended. */
export async function runTalk({ callId, legId, direction, phoneNumber }: TalkedCall, parts: TalkParts, signal: AbortSignal): Promise<void> {
  const { bus, log, now, timers = ofTheProcess, rules, language } = parts;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const talk = createTalk(rules);
  let unwake = (): void => {};
  let isHeld = false;
  let isStaffAway = false;
  /** The current answer, and the stream to its dialog. */
  let asking: { readonly answer: number; readonly up: Outbox<AnswerReport> } | undefined;

  function give(event: TalkEvent): void {
    if (until.aborted) return;
    for (const order of talk.give(event, now())) obey(order);
  }
  const line = createTalkLine(
    { callId, legId },
    parts,
    { give, spoken: (utterance, ms) => give({ kind: 'voiced', utterance, ms }) },
    { until, signal },
  );
  const { player, voice } = line;
  const ear = createEar(
    {
      ...{ bus, log, language },
      heard(segment, text, isFinal, judged) {
        if (isFinal) line.words(text);
        give({ kind: isFinal ? 'final' : 'partial', segment, text, db: hearing.speechDb, judged });
      },
      heardAnew: (segment) => give({ kind: 'heard_anew', segment }),
      startsOver: (segment) => give({ kind: 'starts_over', segment }),
      finalized: (segment) => give({ kind: 'finalized', segment }),
    },
    until,
  );
  const cadence = createCadence();
  const hearing = createHearing({
    ...{ detector: parts.detector ?? (await voiceActivity()), now, echoDb: line.echo.level },
    stirred: () => give({ kind: 'stirred' }),
    started(segment, at) {
      ear.begin(segment);
      give({ kind: 'speech_started', segment, at });
    },
    audio(pcmu, samples) {
      ear.hear(pcmu);
      cadence.push(samples);
    },
    stopped(segment, at, soundAt) {
      ear.end();
      give({ kind: 'speech_stopped', segment, at, soundAt, sounding: cadence.end() });
    },
  });

  function obey(order: TalkOrder): void {
    switch (order.order) {
      case 'say':
        line.say(order.utterance, order.text);
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
        line.note(order.entry);
        return;
      case 'complete':
        line.complete(order.turn);
        return;
      case 'skip':
        log.warn({ callId }, 'the voice of a call returned no audio; the sentence is skipped');
        voice.skip(order.utterance);
        player.skip(order.utterance);
        return;
      case 'transfer':
        line.transfer(isStaffAway);
        return;
      case 'record':
        line.record();
        return;
      case 'hang_up':
        line.hangUp();
        return;
      case 'wake':
        unwake();
        if (order.at !== null) unwake = timers.after(Math.max(0, order.at - now()), () => give({ kind: 'woken' }));
    }
  }
  async function ask(answer: number, message: string, isEager: boolean): Promise<void> {
    const up = createOutbox<AnswerReport>();
    // Keep the stream of an answer open only while it is spoken.
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
          const { isHandedOver, choices, expects, dictated } = item.answer;
          isStaffAway = item.answer.isStaffAway;
          const isLast = farewells.test(spokenWords(message).join(' '));
          if (asking?.answer === answer) ear.expect(expects);
          if (choices.length > 0 && !isLast && !isHandedOver) give({ kind: 'sentence', answer, text: optionsOf(choices) });
          give({ kind: 'answered', answer, isLast, expects, dictated, handsOver: isHandedOver });
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
  const optionsOf = (choices: readonly { readonly title: string }[]): string =>
    `${rules.youMaySay} ${choices
      .slice(0, mostOptions)
      .map(({ title }) => title)
      .join('; ')}.`;

  const untick = timers.every(tickMs, hearing.tick);
  try {
    const items = bus.open(telephony.media, { legId }, line.leg, { signal: until });
    give({ kind: 'started', direction });
    for await (const item of items) {
      if (item instanceof Uint8Array) {
        // On hold, and once a person has the call, the customer is not speaking with the agent.
        if (isHeld) continue;
        hearing.frame(item);
        line.sound(decode('PCMU', item));
      } else if ('played' in item) player.heard(item.played, item.ms);
      else if ('delayMs' in item) hearing.delayed(item.delayMs);
      else if ('dtmf' in item) give({ kind: 'key', key: item.dtmf });
      else if ('held' in item) {
        isHeld = item.held;
        hearing.reset();
        cadence.end();
        give({ kind: 'held', isHeld });
      }
    }
  } finally {
    for (const order of talk.give({ kind: 'left' }, now())) obey(order);
    over.abort();
    for (const end of [untick, unwake, hearing.close, ear.close]) end();
    await line.close();
  }
}
/** A report to the dialog about its answer. */
type AnswerReport = { readonly is: 'heard'; readonly sentences: number } | { readonly is: 'cancel' | 'confirm' };
