/** A talk on a simulated clock, with a scripted customer, recogniser, voice and dialog. */
import type { Expected } from './end-of-turn.ts';
import { type CompletedTurn, createTalk, type TalkEntry, type TalkEvent, type TalkOrder } from './machine.ts';
import { russianRules, type TalkRules } from './rules.ts';

/** The customer speaks from `at` for `ms`; `words` are what the recogniser hears, null for a noise. Times are ms of the talk. */
export interface CustomerSpeech {
  readonly at: number;
  readonly ms: number;
  readonly words: string | null;
  /** Partial words, `after` ms of speech. */
  readonly partials?: readonly { readonly after: number; readonly words: string; readonly judged?: number }[];
  /** How loud, dB of full scale. */
  readonly db?: number;
  /** Delay of the recogniser's final; Infinity: never. */
  readonly finalAfterMs?: number;
  /** Times at which another recogniser starts over, in ms after the speech. */
  readonly startsOverAfterMs?: readonly number[];
}
export interface Scene {
  readonly direction?: 'in' | 'out';
  readonly rules?: Partial<TalkRules>;
  readonly customer?: readonly CustomerSpeech[];
  readonly keys?: readonly { readonly at: number; readonly key: string }[];
  readonly holds?: readonly { readonly at: number; readonly isHeld: boolean }[];
  /** The sentences of an answer and their delays after the message. */
  readonly dialog?: (message: string, nth: number) => Reply;
  /** Delay of the voice for an utterance. */
  readonly voiceMs?: number;
  /** Texts for which the voice returns no audio. */
  readonly isMute?: (text: string) => boolean;
  /** Verdicts on who has answered, and beeps of mailboxes. */
  readonly answered?: readonly { readonly at: number; readonly by: 'machine' | 'screening' | 'beep' }[];
  readonly untilMs?: number;
}
export interface Reply {
  readonly sentences: readonly string[];
  /** Delay of the first sentence; the others follow at once. */
  readonly afterMs?: number;
  readonly isLast?: boolean;
  /** Whether a person takes the call after the hand-over. */
  readonly handsOver?: 'taken' | 'refused';
  /** The dialog keeps calling tools forever. */
  readonly isEndless?: boolean;
  readonly expects?: readonly Expected[];
  readonly dictated?: string;
  readonly fails?: boolean;
}
export interface AgentSpeech {
  readonly text: string;
  readonly from: number;
  to: number;
}
export interface Outcome {
  readonly entries: readonly TalkEntry[];
  readonly asked: readonly { readonly at: number; readonly message: string; readonly isEager?: true }[];
  readonly dropped: readonly { readonly answer: number; readonly sentences: number }[];
  /** The agent's audio as the customer hears it. */
  readonly heard: readonly AgentSpeech[];
  readonly hungUpAt: number | null;
  readonly transferredAt: number | null;
  readonly turns: readonly CompletedTurn[];
  /** `customer: …` and `agent: …` in order of speech; `…` ends an interrupted text. */
  readonly transcript: readonly string[];
}
/** The delays of the speech detector, and the duration of a spoken letter. */
const [stopMs, startMs, letterMs] = [200, 60, 60];

export function runTalk({
  direction = 'in',
  rules = {},
  customer = [],
  keys = [],
  holds = [],
  answered = [],
  dialog = () => ({ sentences: ['Хорошо.'] }),
  voiceMs = 50,
  isMute = () => false,
  untilMs = 60_000,
}: Scene): Outcome {
  const talk = createTalk({ ...russianRules, ...rules });
  const due: { at: number; n: number; act: () => void }[] = [];
  let [now, n, wake] = [0, 0, 0];
  let hungUpAt: number | null = null;
  let transferredAt: number | null = null;
  let taker: Reply['handsOver'];
  const turns: CompletedTurn[] = [];
  const entries: TalkEntry[] = [];
  const asked: { at: number; message: string; isEager?: true }[] = [];
  /** Results of the dialog for unconfirmed answers, with their times. */
  const unconfirmed = new Map<number, { readonly at: number; readonly act: () => void }[]>();
  const dropped: { answer: number; sentences: number }[] = [];
  const heard: AgentSpeech[] = [];
  const later = (time: number, act: () => void): void => void due.push({ at: time, n: n++, act });

  interface Voice {
    readonly utterance: number;
    readonly text: string;
    readonly ms: number;
    playedMs: number;
    startedAt: number | null;
    isVoiced: boolean;
  }
  const voices: Voice[] = [];
  let isPaused = false;
  let playing: { readonly voice: Voice; readonly from: number; readonly fromMs: number; readonly stretch: AgentSpeech } | null = null;
  let playNumber = 0;
  function play(): void {
    const voice = voices[0];
    if (isPaused || playing !== null || voice === undefined || !voice.isVoiced) return;
    voice.startedAt ??= now;
    const stretch = { text: voice.text, from: now, to: now };
    heard.push(stretch);
    playing = { voice, from: now, fromMs: voice.playedMs, stretch };
    playNumber += 1;
    const mine = playNumber;
    later(now + voice.ms - voice.playedMs, () => {
      if (mine !== playNumber || playing === null) return;
      halt();
      voices.shift();
      give({ kind: 'played', utterance: voice.utterance, ms: voice.ms, startedAt: voice.startedAt ?? now, isWhole: true });
      play();
    });
  }
  function halt(): Voice | null {
    if (playing === null) return null;
    const { voice, from, fromMs, stretch } = playing;
    voice.playedMs = Math.min(voice.ms, fromMs + now - from);
    stretch.to = now;
    playing = null;
    playNumber += 1;
    return voice;
  }
  function stopped(voice: Voice | null): void {
    if (voice !== null)
      give({ kind: 'played', utterance: voice.utterance, ms: voice.playedMs, startedAt: voice.startedAt ?? now, isWhole: false });
  }
  function obey(order: TalkOrder): void {
    switch (order.order) {
      case 'say': {
        const voice = {
          utterance: order.utterance,
          text: order.text,
          ms: order.text.length * letterMs,
          playedMs: 0,
          startedAt: null,
          isVoiced: false,
        };
        voices.push(voice);
        if (isMute(order.text)) return;
        later(now + voiceMs, () => {
          voice.isVoiced = true;
          give({ kind: 'voiced', utterance: voice.utterance, ms: voice.ms });
          play();
        });
        return;
      }
      case 'pause':
        isPaused = true;
        stopped(halt());
        return;
      case 'resume':
        isPaused = false;
        play();
        return;
      case 'hush':
        isPaused = false;
        halt();
        voices.length = 0;
        return;
      case 'ask': {
        asked.push({ at: now, message: order.message, ...(order.isEager && { isEager: true }) });
        if (order.isEager) unconfirmed.set(order.answer, []);
        const reply = dialog(order.message, asked.length);
        const begins = now + (reply.afterMs ?? 100);
        const at = (time: number, act: () => void) => {
          const waiting = unconfirmed.get(order.answer);
          if (waiting === undefined) later(time, act);
          else waiting.push({ at: time, act });
        };
        if (reply.isEndless) {
          for (let nth = 0; nth < 600; nth += 1) at(begins + nth * 500, () => give({ kind: 'tool', answer: order.answer }));
          return;
        }
        if (reply.fails) {
          later(begins, () => give({ kind: 'failed', answer: order.answer }));
          return;
        }
        for (const text of reply.sentences) at(begins, () => give({ kind: 'sentence', answer: order.answer, text }));
        const { isLast = false, expects = [], dictated = '', handsOver } = reply;
        taker = handsOver ?? taker;
        at(begins, () => give({ kind: 'answered', answer: order.answer, isLast, expects, dictated, handsOver: handsOver !== undefined }));
        return;
      }
      case 'confirm': {
        const waiting = unconfirmed.get(order.answer) ?? [];
        unconfirmed.delete(order.answer);
        for (const { at, act } of waiting) later(Math.max(at, now), act);
        return;
      }
      case 'drop':
        return void dropped.push({ answer: order.answer, sentences: order.sentences });
      case 'complete':
        return void turns.push(order.turn);
      case 'skip':
        voices.splice(
          voices.findIndex(({ utterance }) => utterance === order.utterance),
          1,
        );
        play();
        return;
      case 'transfer':
        transferredAt = now;
        later(now + 5_000, () => give({ kind: taker === 'taken' ? 'transferred' : 'transfer_failed' }));
        return;
      case 'note':
        return void entries.push(order.entry);
      case 'hang_up':
        hungUpAt = now;
        return;
      case 'wake': {
        wake += 1;
        const mine = wake;
        if (order.at !== null) later(Math.max(order.at, now), () => mine === wake && give({ kind: 'woken' }));
        return;
      }
      case 'record':
        return;
    }
  }
  function give(event: TalkEvent): void {
    for (const order of talk.give(event, now)) obey(order);
  }

  later(0, () => give({ kind: 'started', direction }));
  for (const [
    segment,
    { at: begin, ms, words, partials = [], finalAfterMs = 150, startsOverAfterMs = [], db = null },
  ] of customer.entries()) {
    later(begin + startMs, () => give({ kind: 'speech_started', segment, at: begin }));
    for (const { after, words: text, judged = null } of partials)
      later(begin + after, () => give({ kind: 'partial', segment, text, judged }));
    const end = begin + ms;
    later(end + stopMs, () => give({ kind: 'speech_stopped', segment, at: end }));
    for (const after of startsOverAfterMs) later(end + after, () => give({ kind: 'starts_over', segment }));
    if (finalAfterMs === Number.POSITIVE_INFINITY) continue;
    later(end + stopMs + finalAfterMs, () => {
      if (words !== null) give({ kind: 'final', segment, text: words, db });
      give({ kind: 'finalized', segment });
    });
  }
  for (const { at: time, key } of keys) later(time, () => give({ kind: 'key', key }));
  for (const { at: time, isHeld } of holds) later(time, () => give({ kind: 'held', isHeld }));

  for (const { at: time, by } of answered) later(time, () => give(by === 'beep' ? { kind: 'beep' } : { kind: 'answered_by', who: by }));

  while (hungUpAt === null) {
    due.sort((a, b) => a.at - b.at || a.n - b.n);
    const next = due.shift();
    if (next === undefined || next.at > untilMs) break;
    now = next.at;
    next.act();
  }
  const transcript = entries
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .map(({ who, text, isInterrupted }) => `${who}: ${text}${isInterrupted ? '…' : ''}`);
  return { entries, asked, dropped, heard, hungUpAt, transferredAt, turns, transcript };
}
