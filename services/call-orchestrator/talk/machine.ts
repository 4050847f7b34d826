/**
 * A talk as a state machine: events and times in, orders out, without waiting or sending, so it also runs on a simulated clock.
 *
 * Glossary: an *utterance* is a sentence or prompt of the agent; a *segment* is speech of the customer between two silences, numbered in
 * the order sent to the recogniser; a *turn* is everything that the customer says before an answer, with that answer.
 */
import { createEndOfTurn, type Expected } from './end-of-turn.ts';
import { heardOf } from './heard-words.ts';
import { spokenWords, verdictOnWords } from './interruption.ts';
import type { TalkRules } from './rules.ts';

/** Times are Unix ms. */
export type TalkEvent =
  /** A sound that may turn out to be speech. */
  | { readonly kind: 'stirred' }
  | { readonly kind: 'started'; readonly direction: 'in' | 'out' }
  | { readonly kind: 'speech_started'; readonly segment: number; readonly at: number }
  /** @param at the last sound; the event comes later */
  /** The silence began at `at`; the customer has waited since `soundAt`, by default `at`. @param sounding see `Likely` */
  | {
      readonly kind: 'speech_stopped';
      readonly segment: number;
      readonly at: number;
      readonly soundAt?: number;
      readonly sounding?: number | null;
    }
  /** Words of a segment so far, or its next final words. @param db their level; null or absent: unknown @param judged see `Likely` */
  | {
      readonly kind: 'partial' | 'final';
      readonly segment: number;
      readonly text: string;
      readonly db?: number | null;
      readonly judged?: number | null;
    }
  /** The words of a segment so far are void: recognition starts over. */
  | { readonly kind: 'heard_anew'; readonly segment: number }
  /** A recogniser starts over with the segment, so its words come late. */
  | { readonly kind: 'starts_over'; readonly segment: number }
  /** The segment will have no more words. */
  | { readonly kind: 'finalized'; readonly segment: number }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'held'; readonly isHeld: boolean }
  /** A sentence of the answer with this number. */
  | { readonly kind: 'sentence'; readonly answer: number; readonly text: string }
  | { readonly kind: 'tool'; readonly answer: number }
  /**
   * @param expects the data that the answer asks for; empty: anything @param dictated digits so far of a phone whose rest it asks for
   * @param handsOver a person is to continue with the customer */
  | {
      readonly kind: 'answered';
      readonly answer: number;
      readonly isLast: boolean;
      readonly expects: readonly Expected[];
      readonly dictated?: string;
      readonly handsOver?: boolean;
    }
  /** After the order `transfer`: a person has taken the call, or nobody does. */
  | { readonly kind: 'transferred' | 'transfer_failed' }
  | { readonly kind: 'failed'; readonly answer: number }
  /** An utterance has audio. @param ms of all its audio so far */
  | { readonly kind: 'voiced'; readonly utterance: number; readonly ms: number }
  /** Part of an utterance has been heard. @param startedAt when its first sound was sent */
  | { readonly kind: 'played'; readonly utterance: number; readonly ms: number; readonly startedAt: number; readonly isWhole: boolean }
  /** The voice failed: an utterance will have no more audio, perhaps none at all. */
  | { readonly kind: 'unvoiced'; readonly utterance: number }
  /** The first words are those of a mailbox or a call screener. */
  | { readonly kind: 'answered_by'; readonly who: 'machine' | 'screening' }
  /** The beep of a mailbox. */
  | { readonly kind: 'beep' }
  /** The leg has ended. */
  | { readonly kind: 'left' }
  /** The time of the order `wake` has come. */
  | { readonly kind: 'woken' };

export type TalkOrder =
  | { readonly order: 'say'; readonly utterance: number; readonly text: string }
  /** Pauses the current audio at once. */
  | { readonly order: 'pause' }
  /** Resumes it from the beginning of the word. */
  | { readonly order: 'resume' }
  /** Drops all unheard audio. */
  | { readonly order: 'hush' }
  /** Sends the customer's words to the dialog. @param isEager the customer may go on: the answer is withheld until `confirm` */
  | { readonly order: 'ask'; readonly answer: number; readonly message: string; readonly isEager?: true }
  /** The message of an eager answer was complete. */
  | { readonly order: 'confirm'; readonly answer: number }
  /** The answer is no longer wanted; the customer has heard `sentences` of its sentences. */
  | { readonly order: 'drop'; readonly answer: number; readonly sentences: number }
  /** Connects the customer with a person. */
  | { readonly order: 'transfer' }
  /** An utterance will have no more audio. */
  | { readonly order: 'skip'; readonly utterance: number }
  /** A turn is over and completely noted. */
  | { readonly order: 'complete'; readonly turn: CompletedTurn }
  | { readonly order: 'record' }
  | { readonly order: 'note'; readonly entry: TalkEntry }
  | { readonly order: 'hang_up' }
  /** Schedules the event `woken` for this time, replacing an earlier order; null cancels it. */
  | { readonly order: 'wake'; readonly at: number | null };

/** Speech of one side, as it was heard. */
export interface TalkEntry {
  readonly who: 'customer' | 'agent';
  readonly text: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isInterrupted: boolean;
  /** Set for the first utterance of an answer. */
  readonly waterfall: Waterfall | null;
}
/** When each stage of a turn was reached. */
export interface Waterfall {
  /** The customer's last sound. */
  readonly lastSoundAt: number;
  readonly wordsAt: number;
  readonly turnEndAt: number;
  /** The first sentence of the answer. */
  readonly sentenceAt: number;
  readonly audioAt: number;
  /** Its first sound was sent to the phone. */
  readonly heardAt: number;
}

/** The customer's words, and the part of the answer that they heard. */
export interface CompletedTurn {
  readonly said: string;
  readonly saidAt: number;
  readonly reply: string;
  readonly isInterrupted: boolean;
  readonly endedAt: number;
}

interface Utterance {
  readonly id: number;
  readonly text: string;
  /** Its answer and its place there; null for the agent's own prompts. */
  readonly of: { readonly answer: number; readonly sentence: number } | null;
  readonly canBeInterrupted: boolean;
  readonly waterfall: Omit<Waterfall, 'audioAt' | 'heardAt'> | null;
  audioAt: number | null;
  voicedMs: number;
  /** The voice broke off: only the audio so far is heard. */
  isCut: boolean;
  playedMs: number;
  startedAt: number | null;
  /** When it was last heard; it may have been paused in between. */
  heardAt: number | null;
  /** How often a sound without words has paused it; after a few, such sounds no longer pause it. */
  falseStarts: number;
}
interface Segment {
  readonly id: number;
  readonly startedAt: number;
  endedAt: number | null;
  /** Its last sound. */
  soundAt: number | null;
  /** See `Likely`; `judged` is of its last final. */
  sounding: number | null;
  judged: number | null;
  partial: string;
  text: string;
  textAt: number | null;
  /** When a recogniser last started over with it. */
  startsOverAt: number | null;
  isFinal: boolean;
  /** Much quieter than the customer's usual speech: in the background, or to somebody else. */
  isFaint: boolean;
}
interface Answer {
  readonly id: number;
  sentences: number;
  heard: number;
  isDone: boolean;
  isLast: boolean;
  hasFiller: boolean;
  letters: number;
  /** A person is to continue with the customer after it. */
  handsOver: boolean;
  /** The answer to a message left for a person; it is not spoken. */
  readonly isToMessage: boolean;
  /** The answer to a customer who does not stop; it is said over their words. */
  readonly isForced: boolean;
  readonly waterfall: Omit<Waterfall, 'audioAt' | 'heardAt' | 'sentenceAt'>;
}
const mostFalseStarts = 2;
/** A recogniser without words for this long before the end of speech has fallen silent; others return partials every second. */
const silentMs = 1_500;
/** Words this much quieter than the customer's are not for the agent, dB. */
const faintDb = 8;
/** Learning rate of the usual level per segment. */
const learningRate = 0.3;
/** How long it takes to know whether a sound is speech. */
const stirMs = 80;
/** Certainty of the recogniser from which the turn is likely over. */
const likelyOver = 0.5;
/** Maximum eager requests to the dialog in a turn. */
const mostEager = 3;
/** Maximum total delay of the end of a turn by sounds that turn out not to be speech. */
const mostStirMs = 300;
type Deadline =
  | 'beep'
  | 'greet'
  | 'end_of_turn'
  | 'late_words'
  | 'turn_limit'
  | 'decide'
  | 'filler'
  | 'answer'
  | 'voice'
  | 'idle'
  | 'longest';

export interface Talk {
  give(event: TalkEvent, now: number): readonly TalkOrder[];
}

export function createTalk(rules: TalkRules): Talk {
  let orders: TalkOrder[] = [];
  /** The time of the current event. */
  let clock = 0;
  const deadlines = new Map<Deadline, number>();
  let wakeAt: number | null = null;
  const queue: Utterance[] = [];
  /** Segments of the customer's current turn. */
  let segments: Segment[] = [];
  /** Keys pressed in this turn. */
  let keys = '';
  let keyAt = 0;
  let answer: Answer | null = null;
  /** The eager request of this turn, and the number of them. */
  let eager: { readonly answer: number; readonly message: string } | null = null;
  let eagerAsked = 0;
  /** The customer speaks over the agent; whether they interrupt is undecided. */
  let isPaused = false;
  /** The filler was said while words of this turn are owed. */
  let isKeptWaiting = false;
  let isHeld = false;
  /** When the talk was put on hold; time on hold does not count towards its limit. */
  let remainingMs: number | null = null;
  /** A mailbox is speaking: wait for its beep instead of answering. */
  let isMailbox = false;
  let isGreeted = false;
  let isOver = false;
  /** The line hangs up after the last word. */
  let isEnding = false;
  /** The customer is waiting for a person or speaking with one. */
  let isTransferring = false;
  /** The next words of the customer are a message for a person. */
  let takesMessage = false;
  /** The turn being answered. */
  let turn: { said: string; saidAt: number; endedAt: number; reply: string; isInterrupted: boolean } | null = null;
  /** The question whether the customer is there is due, unless their current sound has words. */
  let isOverdue = false;
  let prompts = 0;
  let misses = 0;
  let lastUtterance = 0;
  let lastAnswer = 0;
  /** Segments up to this one belong to turns that have ended. */
  let settled = -1;
  /** The data that the last answer asks for. */
  let expects: readonly Expected[] = [];
  let dictated = '';
  const endOfTurn = createEndOfTurn(rules);
  /** The customer's usual level. */
  let usualDb: number | null = null;
  let turnDueAt = 0;
  /** Time of the last sound of the customer's last turn, until the agent is heard. */
  let saidAt: number | null = null;

  const isSpeaking = (): boolean => segments.at(-1)?.endedAt === null;
  const isBusy = (): boolean => queue.length > 0 || answer !== null;

  function say(text: string, more: Partial<Pick<Utterance, 'of' | 'canBeInterrupted' | 'waterfall'>> = {}): void {
    lastUtterance += 1;
    queue.push({
      ...{
        id: lastUtterance,
        text,
        of: null,
        canBeInterrupted: true,
        waterfall: null,
        audioAt: null,
        voicedMs: 0,
        isCut: false,
        playedMs: 0,
        falseStarts: 0,
      },
      ...more,
      ...{ startedAt: null, heardAt: null },
    });
    deadlines.delete('idle');
    orders.push({ order: 'say', utterance: lastUtterance, text });
    expectVoice();
    // The agent does not talk over the customer: speech that arrives meanwhile waits.
    if (isSpeaking()) pause();
  }
  function pause(): void {
    const [first] = queue;
    if (isPaused || isHeld || !first?.canBeInterrupted || first.falseStarts >= mostFalseStarts) return;
    isPaused = true;
    expectVoice();
    orders.push({ order: 'pause' });
  }
  /** Starts the time limit of the voice for the first or the next audio. */
  function expectVoice(): void {
    const [first] = queue;
    if (first === undefined || isPaused || isHeld) deadlines.delete('voice');
    else deadlines.set('voice', clock + rules.voiceMs + first.voicedMs - first.playedMs);
  }
  function greet(): void {
    if (isGreeted) return;
    isGreeted = true;
    deadlines.delete('greet');
    forgetSegments();
    orders.push({ order: 'record' });
    say(rules.greeting, { canBeInterrupted: false });
  }
  /** Says a last sentence, and hangs up. */
  function part(text: string): void {
    stopAnswer();
    dropQueue();
    isEnding = true;
    say(text, { canBeInterrupted: false });
  }
  function note(entry: Omit<TalkEntry, 'isInterrupted' | 'waterfall'> & Partial<TalkEntry>): void {
    orders.push({ order: 'note', entry: { isInterrupted: false, waterfall: null, ...entry } });
  }
  function forgetSegments(): void {
    settled = segments.at(-1)?.id ?? settled;
    segments = [];
    keys = '';
    dropEager();
    eagerAsked = 0;
    isKeptWaiting = false;
    for (const name of ['turn_limit', 'late_words'] as const) deadlines.delete(name);
  }

  /** Ends the agent's utterances and notes their heard parts. */
  function dropQueue(): void {
    if (queue.length > 0) orders.push({ order: 'hush' });
    for (const utterance of queue.splice(0)) noteHeard(utterance, true);
    isPaused = false;
    for (const name of ['decide', 'voice'] as const) deadlines.delete(name);
  }
  function noteHeard(utterance: Utterance, isInterrupted: boolean): void {
    const { startedAt, heardAt, playedMs, audioAt } = utterance;
    if (startedAt === null || heardAt === null || playedMs === 0) return;
    const endedAt = Math.max(startedAt + playedMs, heardAt);
    const text = isInterrupted ? heardOf(utterance) : utterance.text;
    if (turn !== null && utterance.of !== null) {
      turn.reply = `${turn.reply} ${text}`.trim();
      turn.endedAt = endedAt;
      turn.isInterrupted ||= isInterrupted;
    }
    if (text === '') return;
    note({
      ...{ who: 'agent', text, startedAt, endedAt, isInterrupted },
      waterfall: utterance.waterfall && { ...utterance.waterfall, audioAt: audioAt ?? startedAt, heardAt: startedAt },
    });
  }
  function completeTurn(): void {
    if (turn !== null) orders.push({ order: 'complete', turn });
    turn = null;
  }
  function askEagerly(): void {
    const message = textOf(segments);
    if (!rules.asksEagerly || isBusy() || takesMessage || keys !== '' || message === '') return;
    if (eager?.message === message || eagerAsked >= mostEager) return;
    dropEager();
    lastAnswer += 1;
    eagerAsked += 1;
    eager = { answer: lastAnswer, message };
    orders.push({ order: 'ask', ...eager, isEager: true });
  }
  function dropEager(): void {
    if (eager !== null) orders.push({ order: 'drop', answer: eager.answer, sentences: 0 });
    eager = null;
  }
  function stopAnswer(): void {
    if (answer === null) return;
    orders.push({ order: 'drop', answer: answer.id, sentences: answer.heard });
    answer = null;
    for (const name of ['filler', 'answer'] as const) deadlines.delete(name);
  }

  function speechStarted(id: number, at: number): void {
    const before = segments.at(-1)?.endedAt ?? saidAt;
    if (before !== null && queue.every(({ startedAt }) => startedAt === null)) endOfTurn.wentOn(at - before);
    segments.push({
      ...{ id, startedAt: at, endedAt: null, soundAt: null, sounding: null, judged: null },
      ...{ partial: '', text: '', textAt: null, startsOverAt: null, isFinal: false, isFaint: false },
    });
    for (const name of ['end_of_turn', 'late_words'] as const) deadlines.delete(name);
    if (!isGreeted) return;
    if (isKeptWaiting) dropQueue();
    if (!deadlines.has('turn_limit')) deadlines.set('turn_limit', at + rules.longestTurnMs);
    pause();
  }
  function speechStopped(event: Extract<TalkEvent, { readonly kind: 'speech_stopped' }>, now: number): void {
    const { segment: id, at, soundAt = at, sounding = null } = event;
    const segment = segments.find((each) => each.id === id);
    if (segment === undefined) return;
    Object.assign(segment, { endedAt: at, soundAt, sounding });
    if (!isGreeted) {
      greet();
      return;
    }
    if (isPaused) deadlines.set('decide', at + rules.decideMs);
    awaitEnd(now);
  }
  /** Ends the turn after a silence, once the recogniser has returned all words or its time limit has passed. */
  function awaitEnd(now: number): void {
    const last = segments.at(-1);
    if (last === undefined || last.endedAt === null || !isGreeted || isPaused || isEnding) return;
    const silence = endOfTurn.silenceMs(textOf(segments), expects, last, dictated);
    const { endedAt } = last;
    const owed = segments.filter(({ isFinal }) => !isFinal);
    const at = Math.max(endedAt + silence, ...owed.map((segment) => wordsDueAt(segment, endedAt)));
    turnDueAt = at;
    deadlines.delete('late_words');
    if (at <= now) {
      endTurn(now);
      return;
    }
    deadlines.set('end_of_turn', at);
    if (owed.length === 0) askEagerly();
    const isSpeech = endedAt - (segments[0]?.startedAt ?? endedAt) >= rules.shortestMs;
    const isLate = at > endedAt + Math.max(silence, rules.finalMs);
    if (isLate && isSpeech && !isKeptWaiting) deadlines.set('late_words', Math.max(now, endedAt + rules.finalMs));
  }
  /** Until when to wait for the words of a segment, if the customer has been silent since `endedAt`. */
  function wordsDueAt({ startedAt, textAt, startsOverAt, ...segment }: Segment, endedAt: number): number {
    const isSilent = textAt === null || textAt < (segment.endedAt ?? startedAt) - silentMs;
    if (startsOverAt === null && !isSilent) return endedAt + rules.finalMs;
    return Math.min(Math.max(endedAt, startsOverAt ?? 0) + rules.lateMs, endedAt + rules.latestMs);
  }
  /** Keeps a turn from ending in the first moment of what may be its next words. */
  function stirred(now: number): void {
    const at = deadlines.get('end_of_turn');
    if (at !== undefined && segments.length > 0) deadlines.set('end_of_turn', Math.max(at, Math.min(now + stirMs, turnDueAt + mostStirMs)));
  }

  /** The segment, if words of it are owed. */
  const unfinished = (id: number): Segment | undefined => segments.find((each) => each.id === id && !each.isFinal);
  function gotWords(id: number, text: string, isFinal: boolean, db: number | null, now: number): void {
    const segment = unfinished(id);
    // Words of an ended turn are too late.
    if (segment === undefined || id <= settled) return;
    if (isFinal) {
      segment.text = segment.text === '' ? text : `${segment.text} ${text}`;
      segment.partial = '';
    } else segment.partial = text;
    segment.textAt = now;
    if (spokenWords(text).length > 0) {
      deadlines.delete('idle');
      isOverdue = false;
      prompts = 0;
    }
    segment.isFaint = db !== null && usualDb !== null && db < usualDb - faintDb;
    if (isPaused || queue[0]?.canBeInterrupted) decide(now, isFinal);
    else if (isFinal && db !== null) usualDb = usualDb === null ? db : usualDb + (db - usualDb) * learningRate;
  }
  function isJudged(id: number, judged: number | null): void {
    const segment = segments.find((each) => each.id === id);
    if (segment !== undefined) segment.judged = judged;
  }
  /** Asks the dialog before the silence is heard if the recogniser expects the end of the turn, and discards it if the customer goes on. */
  function expectEnd(id: number, judged: number | null): void {
    if (judged === null || !isGreeted || isEnding) return;
    const isOwed = segments.some((segment) => segment.id !== id && !segment.isFinal);
    if (judged < likelyOver) dropEager();
    else if (id === segments.at(-1)?.id && !isOwed) askEagerly();
  }
  function heardAnew(id: number): void {
    const segment = unfinished(id);
    if (segment === undefined) return;
    segment.text = '';
    segment.partial = '';
  }
  function startsOver(id: number, now: number): void {
    const segment = unfinished(id);
    if (segment === undefined) return;
    segment.startsOverAt = now;
    awaitEnd(now);
  }
  function finalized(id: number, now: number): void {
    const segment = segments.find((each) => each.id === id);
    if (segment === undefined) return;
    segment.isFinal = true;
    if (isPaused) decide(now, true);
    if (isOverdue && textOf(segments) === '') askWhetherThere(now);
    else if (!isPaused) awaitEnd(now);
  }
  const verdictNow = (isFinal: boolean) =>
    verdictOnWords(
      textOf(segments),
      isFinal,
      segments.every(({ isFaint }) => isFaint),
    );
  function decide(now: number, isFinal: boolean): void {
    const verdict = verdictNow(isFinal && !isSpeaking());
    if (verdict === 'stop') interrupt(now);
    else if (verdict === 'go_on') goOn();
    else if (isFinal && !isSpeaking() && segments.every((segment) => segment.isFinal)) goOn();
  }
  /** Resumes: the customer did not mean to interrupt, so their sounds are not a turn. */
  function goOn(): void {
    noteCustomer();
    if (textOf(segments) === '' && queue[0] !== undefined) queue[0].falseStarts += 1;
    forgetSegments();
    resume();
  }
  function resume(): void {
    deadlines.delete('decide');
    if (isPaused) orders.push({ order: 'resume' });
    isPaused = false;
    expectVoice();
  }
  /** Resumes speaking, but late words of the customer may still stop it. */
  function goOnUntilWords(now: number): void {
    if (queue[0] !== undefined) queue[0].falseStarts += 1;
    resume();
    awaitEnd(now);
  }
  function interrupt(now: number): void {
    stopAnswer();
    dropQueue();
    awaitEnd(now);
  }
  function noteCustomer(): void {
    const text = textOf(segments);
    const [first, last] = [segments[0], segments.at(-1)];
    if (text === '' || first === undefined || last === undefined) return;
    note({ who: 'customer', text, startedAt: first.startedAt, endedAt: last.endedAt ?? first.startedAt });
  }

  /** @param isForced the customer is still speaking and is answered over their words */
  function endTurn(now: number, isForced = false): void {
    deadlines.delete('end_of_turn');
    const last = segments.at(-1);
    const wasKeptWaiting = isKeptWaiting;
    const typed = keys;
    const text = [textOf(segments), keys].filter((part) => part !== '').join(' ');
    const lastSoundAt = Math.max(isForced ? now : (last?.soundAt ?? 0), keyAt);
    const wordsAt = Math.max(keyAt, ...segments.map(({ textAt, endedAt }) => textAt ?? endedAt ?? 0));
    if (typed !== '' && segments.length === 0) note({ who: 'customer', text: typed, startedAt: keyAt, endedAt: keyAt });
    else noteCustomer();
    saidAt = last?.endedAt ?? null;
    const spokenMs = (last?.endedAt ?? now) - (segments[0]?.startedAt ?? now);
    // Over a sentence that cannot be interrupted, a backchannel needs no answer.
    const isBackchannel = queue.length > 0 && !wasKeptWaiting && typed === '' && verdictOnWords(text, true) === 'go_on';
    const early = !isBackchannel && eager?.message === text ? eager : null;
    if (early !== null) eager = null;
    forgetSegments();
    if (text === '') {
      notUnderstood(spokenMs, now, wasKeptWaiting);
      return;
    }
    if (isBackchannel) return;
    misses = 0;
    stopAnswer();
    completeTurn();
    turn = { said: text, saidAt: lastSoundAt, endedAt: now, reply: '', isInterrupted: false };
    if (early === null) lastAnswer += 1;
    const id = early?.answer ?? lastAnswer;
    answer = {
      ...{ id, sentences: 0, heard: 0, isDone: false, isLast: false, hasFiller: wasKeptWaiting, letters: 0, handsOver: false },
      ...{ isToMessage: takesMessage, isForced },
      waterfall: { lastSoundAt, wordsAt, turnEndAt: now },
    };
    deadlines.set('filler', now + rules.fillerMs);
    deadlines.set('answer', now + rules.answerMs);
    deadlines.delete('idle');
    orders.push(early === null ? { order: 'ask', answer: id, message: text } : { order: 'confirm', answer: id });
  }
  /** A cough is ignored, and noise does not delay the question whether anybody is there. */
  function notUnderstood(spokenMs: number, now: number, wasKeptWaiting: boolean): void {
    if ((wasKeptWaiting || !isBusy()) && spokenMs >= rules.shortestMs && misses < rules.askAgainTimes) {
      misses += 1;
      say(rules.askAgain);
    } else settle(now);
  }

  function gotSentence(id: number, text: string, now: number): void {
    if (answer?.id !== id || text.trim() === '') return;
    if (answer.isToMessage || answer.letters > rules.longestAnswer) return;
    deadlines.delete('filler');
    deadlines.set('answer', now + rules.answerMs);
    answer.sentences += 1;
    answer.letters += text.length;
    const isTooLong = answer.letters > rules.longestAnswer;
    say(isTooLong ? rules.andMore : text, {
      canBeInterrupted: !answer.isForced,
      of: { answer: id, sentence: answer.sentences },
      waterfall: answer.sentences === 1 ? { ...answer.waterfall, sentenceAt: now } : null,
    });
  }
  function isAnswered(
    id: number,
    { isLast, expects: asksFor, dictated: digits = '', handsOver = false }: Extract<TalkEvent, { kind: 'answered' }>,
    now: number,
  ): void {
    if (eager?.answer === id) eager = null;
    if (answer?.id !== id || answer.isDone) return;
    expects = asksFor;
    dictated = digits;
    answer.isDone = true;
    answer.isLast = isLast;
    answer.handsOver = handsOver;
    for (const name of ['filler', 'answer'] as const) deadlines.delete(name);
    if (answer.isToMessage) {
      answer = null;
      part(rules.messageTaken);
      return;
    }
    if (answer.sentences === 0 && !isLast && !handsOver) say(rules.noAnswer);
    settle(now);
  }
  function gotPlayed(id: number, ms: number, startedAt: number, isWhole: boolean, now: number): void {
    const utterance = queue.find((each) => each.id === id);
    if (utterance === undefined) return;
    utterance.playedMs = Math.max(utterance.playedMs, ms);
    utterance.heardAt = now;
    utterance.startedAt = Math.min(utterance.startedAt ?? startedAt, startedAt);
    expectVoice();
    if (isWhole) finish(utterance, now);
  }
  /** Finishes an utterance that was heard to its end or cannot be spoken. */
  function finish(utterance: Utterance, now: number): void {
    queue.splice(queue.indexOf(utterance), 1);
    expectVoice();
    noteHeard(utterance, utterance.isCut);
    saidAt = null;
    if (answer !== null && utterance.of?.answer === answer.id && !utterance.isCut) answer.heard = utterance.of.sentence;
    settle(now);
  }
  /** Decides what follows when nothing more is to be said. */
  function settle(now: number): void {
    if (queue.length > 0) return;
    if (isPaused) {
      // It was over before it could be stopped.
      isPaused = false;
      deadlines.delete('decide');
      orders.push({ order: 'resume' });
    }
    if (answer?.isDone) {
      isEnding ||= answer.isLast;
      const { handsOver } = answer;
      answer = null;
      completeTurn();
      if (handsOver && !isEnding) {
        transfer();
        return;
      }
    }
    if (answer !== null || isTransferring) return;
    if (isEnding) {
      hangUp();
      return;
    }
    if (!deadlines.has('idle')) deadlines.set('idle', now + rules.idleMs);
    if (segments.length > 0 && !isSpeaking()) awaitEnd(now);
  }
  /** Puts the customer through to a person. */
  function transfer(): void {
    isTransferring = true;
    forgetSegments();
    deadlines.clear();
    orders.push({ order: 'transfer' });
  }
  /** Nobody takes the call: lets the customer leave a message. */
  function isNotTransferred(now: number): void {
    if (!isTransferring) return;
    isTransferring = false;
    takesMessage = true;
    expects = [];
    dictated = '';
    deadlines.set('longest', now + rules.idleMs * (rules.idlePrompts + 2) + rules.longestTurnMs);
    say(rules.leaveMessage);
  }
  function hangUp(): void {
    completeTurn();
    isOver = true;
    deadlines.clear();
    orders.push({ order: 'hang_up' });
  }

  function isWoken(now: number): void {
    for (const [name, at] of [...deadlines].sort(([, a], [, b]) => a - b)) {
      if (at > now || isOver || !deadlines.has(name)) continue;
      deadlines.delete(name);
      switch (name) {
        case 'greet':
          // A person who speaks is let finish.
          if (!isSpeaking()) greet();
          break;
        case 'end_of_turn':
          endTurn(now);
          break;
        case 'late_words':
          if (isBusy() || isSpeaking()) break;
          say(rules.filler, { canBeInterrupted: false });
          isKeptWaiting = true;
          break;
        case 'turn_limit':
          isPaused = false;
          endTurn(now, true);
          break;
        case 'answer':
          part(rules.trouble);
          break;
        case 'voice':
          skip(now);
          break;
        case 'decide':
          if (isSpeaking()) break;
          if (verdictNow(true) === 'stop') interrupt(now);
          else if (segments.some(({ isFinal }) => !isFinal)) goOnUntilWords(now);
          else goOn();
          break;
        case 'filler':
          if (answer === null || answer.hasFiller || queue.length > 0) break;
          answer.hasFiller = true;
          say(rules.filler);
          break;
        case 'idle':
          askWhetherThere(now);
          break;
        case 'beep':
          hangUp();
          break;
        case 'longest':
          part(rules.tooLong);
      }
    }
  }
  /** Skips an utterance that the voice has given up on: notes its heard part and continues with the next. */
  function skip(now: number): void {
    const [utterance] = queue;
    if (utterance === undefined) return;
    orders.push({ order: 'skip', utterance: utterance.id });
    queue.shift();
    expectVoice();
    noteHeard(utterance, true);
    settle(now);
  }
  function isAnsweredBy(who: 'machine' | 'screening', now: number): void {
    if (isEnding || isMailbox) return;
    stopAnswer();
    noteCustomer();
    dropQueue();
    forgetSegments();
    isGreeted = true;
    if (who === 'screening') say(rules.reason);
    else {
      isMailbox = true;
      deadlines.clear();
      deadlines.set('beep', now + rules.beepMs);
    }
  }
  function askWhetherThere(now: number): void {
    if (isBusy()) return;
    if (!isOverdue && segments.some(({ isFinal }) => !isFinal)) {
      // Words may be under way; wait only once for them.
      isOverdue = true;
      deadlines.set('idle', now + rules.idleMs);
      return;
    }
    isOverdue = false;
    prompts += 1;
    if (prompts > rules.idlePrompts) part(rules.nobodyHeard);
    else say(rules.areYouThere);
  }

  function hold(held: boolean, now: number): void {
    if (held === isHeld) return;
    isHeld = held;
    const endsAt = deadlines.get('longest');
    if (held) remainingMs = endsAt === undefined ? null : endsAt - now;
    if (held) deadlines.delete('longest');
    else if (remainingMs !== null) deadlines.set('longest', now + remainingMs);
    if (held) {
      if (!isPaused) orders.push({ order: 'pause' });
      isPaused = false;
      forgetSegments();
      for (const name of ['end_of_turn', 'decide', 'idle', 'greet', 'voice'] as const) deadlines.delete(name);
      return;
    }
    if (!isGreeted) {
      greet();
      return;
    }
    orders.push({ order: 'resume' });
    expectVoice();
    settle(now);
  }
  function pressed(key: string, now: number): void {
    if (!isGreeted || isEnding) return;
    if (queue.length > 0 && (queue[0] as Utterance).canBeInterrupted) {
      stopAnswer();
      dropQueue();
    }
    prompts = 0;
    deadlines.delete('idle');
    keyAt = now;
    if (key !== '#') keys += key;
    if (key === '#' && keys !== '') endTurn(now);
    else deadlines.set('end_of_turn', now + rules.dictationMs);
  }

  function obey(event: TalkEvent, now: number): void {
    switch (event.kind) {
      case 'started':
        deadlines.set('longest', now + rules.maxMs);
        if (event.direction === 'in') greet();
        else deadlines.set('greet', now + rules.firstWordMs);
        return;
      case 'held':
        hold(event.isHeld, now);
        return;
      case 'voiced': {
        const utterance = queue.find(({ id }) => id === event.utterance);
        if (utterance === undefined) return;
        utterance.audioAt ??= now;
        utterance.voicedMs = event.ms;
        if (utterance === queue[0]) expectVoice();
        return;
      }
      case 'played':
        gotPlayed(event.utterance, event.ms, event.startedAt, event.isWhole, now);
        return;
      case 'unvoiced': {
        const utterance = queue.find(({ id }) => id === event.utterance);
        if (utterance === undefined) return;
        utterance.isCut = utterance.voicedMs > 0;
        if (!utterance.isCut) finish(utterance, now);
        return;
      }
      case 'sentence':
        gotSentence(event.answer, event.text, now);
        return;
      case 'answered':
        isAnswered(event.answer, event, now);
        return;
      case 'tool':
        return;
      case 'answered_by':
        isAnsweredBy(event.who, now);
        return;
      case 'beep':
        if (isEnding) return;
        orders.push({ order: 'record' });
        isGreeted = true;
        part(rules.mailbox);
        return;
      case 'left':
        stopAnswer();
        dropQueue();
        noteCustomer();
        completeTurn();
        isOver = true;
        return;
      case 'transferred':
        isOver = true;
        deadlines.clear();
        return;
      case 'transfer_failed':
        isNotTransferred(now);
        return;
      case 'failed':
        if (eager?.answer === event.answer) eager = null;
        if (answer?.id === event.answer) part(rules.trouble);
        return;
      case 'woken':
        isWoken(now);
        return;
    }
    if (isHeld || isMailbox || isTransferring) return;
    switch (event.kind) {
      case 'speech_started':
        speechStarted(event.segment, event.at);
        return;
      case 'speech_stopped':
        speechStopped(event, now);
        return;
      case 'partial':
        gotWords(event.segment, event.text, false, event.db ?? null, now);
        expectEnd(event.segment, event.judged ?? null);
        return;
      case 'final':
        isJudged(event.segment, event.judged ?? null);
        gotWords(event.segment, event.text, true, event.db ?? null, now);
        return;
      case 'heard_anew':
        heardAnew(event.segment);
        return;
      case 'starts_over':
        startsOver(event.segment, now);
        return;
      case 'finalized':
        finalized(event.segment, now);
        return;
      case 'stirred':
        stirred(now);
        return;
      case 'key':
        pressed(event.key, now);
        return;
    }
  }
  return {
    give(event, now) {
      if (isOver) return [];
      orders = [];
      clock = now;
      // A timer may fire slightly early; schedule again what is not due yet.
      if (event.kind === 'woken') wakeAt = null;
      obey(event, now);
      const next = deadlines.size === 0 ? null : Math.min(...deadlines.values());
      if (next !== wakeAt) {
        wakeAt = next;
        orders.push({ order: 'wake', at: next });
      }
      return orders;
    },
  };
}

function textOf(segments: readonly Segment[]): string {
  return segments
    .map(({ text, partial }) => [text, partial].filter((part) => part !== '').join(' '))
    .filter((text) => text !== '')
    .join(' ');
}
