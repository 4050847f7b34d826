/**
 * A talk of a speech model as a state machine: events and times in, orders out, without waiting or sending.
 *
 * Glossary: an *utterance* is an item of the model, or a *system text* spoken by the voice of this system; a *turn* is the speech of the
 * customer up to a silence, one item of the model's conversation; an *answer* is the speech and tool calls of the model for one request.
 */
import type { SpeechCall, SpeechEvent } from '../../../adapters/realtime/port.ts';
import { heardOf } from '../talk/heard-words.ts';
import { verdictOnWords } from '../talk/interruption.ts';
import type { TalkEntry, Waterfall } from '../talk/machine.ts';
import type { TalkRules } from '../talk/rules.ts';

/** Times are Unix ms. */
export type RealtimeEvent =
  | { readonly kind: 'started'; readonly direction: 'in' | 'out' }
  | { readonly kind: 'customer_started'; readonly at: number }
  /** If this system finds turns. @param ms of audio since the customer started, not of the clock: frames may be late */
  | { readonly kind: 'customer_speaks'; readonly ms: number }
  /** The silence began at `at`; the customer has waited since `soundAt`, by default `at`. */
  | { readonly kind: 'customer_stopped'; readonly at: number; readonly soundAt?: number }
  /** The customer's words in a turn; empty if nothing was understood. */
  | { readonly kind: 'turn_words'; readonly turn: number; readonly text: string }
  | Exclude<
      SpeechEvent,
      { readonly kind: 'audio' | 'words' | 'speech_started' | 'speech_stopped' | 'committed' | 'refused' | 'playing' | 'heard' }
    >
  | { readonly kind: 'voiced'; readonly answer: string; readonly item: string; readonly ms: number }
  /** Audio of a system text. @param ms of all its audio so far */
  | { readonly kind: 'own_voiced'; readonly utterance: number; readonly ms: number }
  /** A system text has no audio: the voice failed. */
  | { readonly kind: 'unvoiced'; readonly utterance: number }
  | { readonly kind: 'played'; readonly utterance: number; readonly ms: number; readonly startedAt: number; readonly isWhole: boolean }
  /** @param say a text that the customer must hear verbatim @param handsOver a person is to go on with the customer */
  | { readonly kind: 'tools_ran'; readonly say: string | null; readonly isProposal: boolean; readonly handsOver: boolean }
  /** After the order `transfer`: a person has taken the call, or none does. */
  | { readonly kind: 'transferred' | 'transfer_failed' }
  | { readonly kind: 'held'; readonly isHeld: boolean }
  | { readonly kind: 'answered_by'; readonly who: 'machine' | 'screening' }
  /** The beep of a mailbox. */
  | { readonly kind: 'beep' }
  /** The session with the model broke off; another one is being opened. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'opened' }
  /** No session can be opened. */
  | { readonly kind: 'given_up' }
  | { readonly kind: 'left' }
  /** The time of the order `wake` has come. */
  | { readonly kind: 'woken' };

export type RealtimeOrder =
  /** Speaks with the voice of the system: a system text, or a text that the model wrote instead of speaking. */
  | { readonly order: 'say'; readonly utterance: number; readonly text: string }
  /** Adds the heard part of a system text to the model's conversation. */
  | { readonly order: 'remember'; readonly text: string }
  /** Plays audio of this item as this utterance. */
  | { readonly order: 'play'; readonly utterance: number; readonly item: string }
  /** The utterance has no more audio. */
  | { readonly order: 'complete'; readonly utterance: number }
  | { readonly order: 'pause' }
  | { readonly order: 'resume' }
  | { readonly order: 'hush' }
  /** Makes the audio since the last turn a new turn. */
  | { readonly order: 'commit'; readonly turn: number }
  | { readonly order: 'answer' }
  | { readonly order: 'cancel' }
  | { readonly order: 'truncate'; readonly item: string; readonly heardMs: number }
  /** Reports keys pressed by the customer to the model. */
  | { readonly order: 'tell_keys'; readonly keys: string }
  /** Runs tools, and decides on a proposal by the customer's words. */
  | { readonly order: 'run_tools'; readonly calls: readonly SpeechCall[]; readonly said: string | null }
  | { readonly order: 'record' }
  | { readonly order: 'note'; readonly entry: TalkEntry }
  | { readonly order: 'hang_up' }
  /** Asks a person to take the call; `transferred` or `transfer_failed` follows. */
  | { readonly order: 'transfer' }
  | { readonly order: 'wake'; readonly at: number | null };

export interface RealtimeMachine {
  give(event: RealtimeEvent, now: number): readonly RealtimeOrder[];
}
type Deadline = 'greet' | 'end_of_turn' | 'barge' | 'decide' | 'words' | 'idle' | 'beep' | 'keys' | 'longest';
interface Utterance {
  readonly id: number;
  /** Null for a system text. */
  readonly item: string | null;
  text: string;
  readonly canBeInterrupted: boolean;
  readonly waterfall: Omit<Waterfall, 'heardAt'> | null;
  voicedMs: number;
  playedMs: number;
  startedAt: number | null;
}
interface Turn {
  readonly id: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whether it decides on the proposal heard before it. */
  readonly decides: boolean;
  /** A short sound over the agent; its words decide whether it interrupts. */
  readonly isAside: boolean;
}

/** The name of the tool with which the model ends the call. */
export const endCall = 'end_call';
/** Speech of this length over the agent interrupts regardless of its words; the length includes the final pause. */
const bargeMs = 800;
/** If the provider finds turns, its verdict counts. How long the leg may take to report what was heard. */
const settleMs = 150;
/** How long to wait for a transcript that may decide on a proposal. */
const wordsMs = 3_000;
/** A customer who anticipates the end of a proposal may answer this much before it. */
const overlapMs = 500;
const keysMs = 1_500;
const mostFailures = 2;

/** @param turns who detects the end of the customer's turn */
export function createRealtimeTalk(rules: TalkRules, turns: 'own' | 'provider'): RealtimeMachine {
  let orders: RealtimeOrder[] = [];
  const deadlines = new Map<Deadline, number>();
  let wakeAt: number | null = null;
  const queue: Utterance[] = [];
  /** Texts of items whose audio has not begun. */
  const texts = new Map<string, string>();
  const waiting = new Map<number, Turn>();
  let speech: { readonly startedAt: number; endedAt: number | null; soundAt: number | null } | null = null;
  let answer: { readonly id: string; readonly at: number; isOver: boolean; hasSpoken: boolean } | null = null;
  /** An answer has been requested but has not begun. */
  let isRequested = false;
  let running = 0;
  let isAnswerWanted = false;
  let isOpen = false;
  let isPaused = false;
  let isHeld = false;
  /** When the talk was put on hold, for its time limit. */
  let remainingMs: number | null = null;
  let isGreeted = false;
  let isMailbox = false;
  /** The model has said goodbye. */
  let isLast = false;
  /** After the last word a person continues with the customer, unless the model has said goodbye. */
  let handsOver = false;
  let isTransferring = false;
  /** Nobody took the call: the next words of the customer are a message for a person. */
  let takesMessage = false;
  /** The turn of that message. */
  let message: number | null = null;
  /** The line hangs up after the last word, even if the customer speaks. */
  let isParting = false;
  let isOver = false;
  let proposal: { utterance: number; heardAt: number | null } | null = null;
  let said: string | null = null;
  let keys = '';
  let [lastUtterance, lastTurn, prompts, failures] = [0, 0, 0, 0];
  let turnEnd: { readonly lastSoundAt: number; readonly at: number } | null = null;

  function add(of: Pick<Utterance, 'item' | 'text' | 'canBeInterrupted' | 'waterfall'>): Utterance {
    lastUtterance += 1;
    const utterance = { ...of, id: lastUtterance, voicedMs: 0, playedMs: 0, startedAt: null };
    queue.push(utterance);
    deadlines.delete('idle');
    return utterance;
  }
  function say(text: string, canBeInterrupted = true): number {
    const { id } = add({ item: null, text, canBeInterrupted, waterfall: null });
    orders.push({ order: 'say', utterance: id, text });
    return id;
  }
  function greet(): void {
    if (isGreeted) return;
    isGreeted = true;
    deadlines.delete('greet');
    orders.push({ order: 'record' });
    say(rules.greeting, false);
  }
  function part(text: string): void {
    dropAnswer();
    dropQueue();
    proposal = null;
    isParting = true;
    say(text, false);
  }
  function note(entry: Omit<TalkEntry, 'isInterrupted' | 'waterfall'> & Partial<TalkEntry>): void {
    orders.push({ order: 'note', entry: { isInterrupted: false, waterfall: null, ...entry } });
  }
  function noteHeard(utterance: Utterance, isInterrupted: boolean): void {
    const { startedAt, playedMs, waterfall } = utterance;
    if (startedAt === null || playedMs === 0) return;
    const text = isInterrupted ? heardOf(utterance) : utterance.text.trim();
    if (text === '') return;
    if (utterance.item === null) orders.push({ order: 'remember', text });
    note({
      ...{ who: 'agent', text, startedAt, endedAt: startedAt + playedMs, isInterrupted },
      waterfall: waterfall && { ...waterfall, heardAt: startedAt },
    });
  }
  function dropQueue(): void {
    if (queue.length > 0) orders.push({ order: 'hush' });
    for (const utterance of queue.splice(0)) {
      if (utterance.item !== null) orders.push({ order: 'truncate', item: utterance.item, heardMs: utterance.playedMs });
      noteHeard(utterance, true);
    }
    isPaused = false;
    for (const name of ['barge', 'decide'] as const) deadlines.delete(name);
  }
  function dropAnswer(): void {
    isAnswerWanted = false;
    if (isRequested || (answer !== null && !answer.isOver)) orders.push({ order: 'cancel' });
    isRequested = false;
    answer = null;
    texts.clear();
  }
  /** Requests one answer, after the running tools. */
  function wantAnswer(): void {
    if (isParting || takesMessage) return;
    isAnswerWanted = running > 0 || !isOpen;
    if (isAnswerWanted) return;
    isRequested = true;
    orders.push({ order: 'answer' });
  }
  const isIdle = (): boolean =>
    queue.length === 0 && running === 0 && !isRequested && !isAnswerWanted && (answer === null || answer.isOver) && speech === null;

  function customerStarted(at: number): void {
    if (speech === null) speech = { startedAt: at, endedAt: null, soundAt: null };
    else speech.endedAt = null;
    for (const name of ['end_of_turn', 'idle'] as const) deadlines.delete(name);
    if (!isGreeted || isParting) return;
    if (queue.length > 0) {
      if (isPaused || !queue[0]?.canBeInterrupted) return;
      isPaused = true;
      orders.push({ order: 'pause' });
      if (turns === 'provider') deadlines.set('barge', at + settleMs);
    } else dropAnswer();
  }
  function customerStopped({ at, soundAt = at }: Extract<RealtimeEvent, { readonly kind: 'customer_stopped' }>, now: number): void {
    if (speech === null) return;
    speech.endedAt = at;
    speech.soundAt = soundAt;
    if (!isGreeted) {
      speech = null;
      greet();
    } else if (isParting) speech = null;
    else if (turns === 'provider') {
      if (isPaused) interrupt();
      endTurn(now);
    } else if (isPaused && !deadlines.has('decide')) endTurn(now, true);
    else deadlines.set('end_of_turn', at + rules.silenceMs);
  }
  /** Ends the turn, which the model answers unless it was a short sound over the agent. */
  function endTurn(now: number, isAside = false): void {
    deadlines.delete('end_of_turn');
    if (speech === null || speech.endedAt === null) return;
    lastTurn += 1;
    const { startedAt, endedAt, soundAt } = speech;
    speech = null;
    const decides = proposal?.heardAt != null && startedAt >= proposal.heardAt - overlapMs;
    waiting.set(lastTurn, { id: lastTurn, startedAt, endedAt, decides, isAside });
    orders.push({ order: 'commit', turn: lastTurn });
    turnEnd = { lastSoundAt: soundAt ?? endedAt, at: now };
    if (takesMessage) {
      message = lastTurn;
      deadlines.set('words', now + wordsMs);
    } else if (isAside) {
      deadlines.set('decide', now + rules.decideMs);
    } else if (decides) deadlines.set('words', now + wordsMs);
    else wantAnswer();
  }
  function gotWords(id: number, text: string): void {
    const turn = waiting.get(id);
    if (turn === undefined) return;
    waiting.delete(id);
    if (text !== '') {
      prompts = 0;
      said = text;
      note({ who: 'customer', text, startedAt: turn.startedAt, endedAt: turn.endedAt });
    }
    if (id === message) {
      deadlines.delete('words');
      leaveMessage(text);
    } else if (turn.isAside) {
      // Late words still interrupt.
      if (verdictOnWords(text, true) === 'stop') {
        interrupt();
        wantAnswer();
      } else if (deadlines.has('decide')) goOn();
    } else if (turn.decides && deadlines.delete('words')) {
      if (text === '') wantAnswer();
      else run([]);
    }
  }
  function goOn(): void {
    for (const name of ['barge', 'decide'] as const) deadlines.delete(name);
    if (isPaused) orders.push({ order: 'resume' });
    isPaused = false;
    if (isAnswerWanted && running === 0 && speech === null) wantAnswer();
  }
  /** Handles an interruption; a text that the customer has to hear is said again. */
  function interrupt(): void {
    const owed = queue.filter(({ canBeInterrupted, item }) => !canBeInterrupted && item === null);
    dropAnswer();
    if (queue[0] !== undefined && queue[0] === owed[0]) return;
    dropQueue();
    isLast = false;
    for (const { id, text } of owed) {
      const again = say(text, false);
      if (proposal?.utterance === id) proposal.utterance = again;
    }
  }
  /** The dialog keeps the message for the person who calls back. @param text empty if nothing was understood */
  function leaveMessage(text: string): void {
    message = null;
    if (isParting) return;
    if (text !== '') run([]);
    part(text === '' ? rules.nobodyHeard : rules.messageTaken);
  }
  /** Nobody takes the call: lets the customer leave a message. */
  function isNotTransferred(now: number): void {
    if (!isTransferring) return;
    isTransferring = false;
    takesMessage = true;
    deadlines.set('longest', now + rules.idleMs * (rules.idlePrompts + 2) + rules.longestTurnMs);
    say(rules.leaveMessage);
  }
  function run(calls: readonly SpeechCall[]): void {
    running += 1;
    orders.push({ order: 'run_tools', calls, said });
    said = null;
    proposal = null;
  }

  function itemSpoken(of: { readonly answer: string; readonly item: string }, now: number): Utterance | null {
    if (answer?.id !== of.answer || isParting) return null;
    const known = queue.find(({ item }) => item === of.item);
    if (known !== undefined) return known;
    const first = answer.hasSpoken ? null : turnEnd;
    answer.hasSpoken = true;
    turnEnd = null;
    const waterfall = first && {
      lastSoundAt: first.lastSoundAt,
      wordsAt: first.at,
      turnEndAt: first.at,
      sentenceAt: answer.at,
      audioAt: now,
    };
    const utterance = add({ item: of.item, text: texts.get(of.item) ?? '', canBeInterrupted: true, waterfall });
    texts.delete(of.item);
    return utterance;
  }
  function itemSaid(of: { readonly answer: string; readonly item: string }, now: number): void {
    const utterance = queue.find(({ item }) => item === of.item);
    if (utterance !== undefined) return void orders.push({ order: 'complete', utterance: utterance.id });
    // The model wrote instead of speaking.
    if ((texts.get(of.item) ?? '').trim() === '') return;
    const written = itemSpoken(of, now);
    if (written !== null) orders.push({ order: 'say', utterance: written.id, text: written.text });
  }
  function isAnswered(event: Extract<RealtimeEvent, { kind: 'answered' }>, now: number): void {
    if (answer?.id !== event.answer) return;
    answer.isOver = true;
    const isEmpty = !answer.hasSpoken && event.calls.length === 0;
    if (event.outcome === 'failed' || (event.outcome !== 'cancelled' && isEmpty)) {
      failures += 1;
      if (failures > mostFailures) part(rules.trouble);
      else wantAnswer();
      return;
    }
    failures = 0;
    const calls = event.calls.filter(({ name }) => name !== endCall);
    if (calls.length < event.calls.length) isLast = true;
    if (calls.length > 0) run(calls);
    else if (event.calls.length > 0 && !answer.hasSpoken) wantAnswer();
    settle(now);
  }
  /** After speech or tools: hangs up, or waits for the customer. */
  function settle(now: number): void {
    if (!isIdle() || isTransferring) return;
    if (handsOver && !isLast && !isParting) {
      handsOver = false;
      isTransferring = true;
      deadlines.clear();
      orders.push({ order: 'transfer' });
    } else if (isParting || isLast) {
      isOver = true;
      orders.push({ order: 'hang_up' });
    } else if (isGreeted && !isHeld && !isMailbox && !deadlines.has('idle')) deadlines.set('idle', now + rules.idleMs);
  }
  function played(event: Extract<RealtimeEvent, { kind: 'played' }>, now: number): void {
    const utterance = queue.find(({ id }) => id === event.utterance);
    if (utterance === undefined) return;
    utterance.playedMs = event.ms;
    utterance.startedAt = event.startedAt;
    if (event.isWhole) finish(utterance, now);
  }
  function finish(utterance: Utterance, now: number): void {
    queue.splice(queue.indexOf(utterance), 1);
    noteHeard(utterance, false);
    if (proposal?.utterance === utterance.id) proposal.heardAt = now;
    settle(now);
  }
  function toolsRan({ say: text, isProposal, handsOver: isHandedOver }: Extract<RealtimeEvent, { kind: 'tools_ran' }>, now: number): void {
    running -= 1;
    if (isParting) {
      settle(now);
      return;
    }
    if (isHandedOver) handsOver = true;
    if (text !== null) {
      const utterance = say(text, !isProposal);
      if (isProposal) proposal = { utterance, heardAt: null };
      if (isAnswerWanted && running === 0) wantAnswer();
    } else if (speech === null) wantAnswer();
    else isAnswerWanted = true;
    settle(now);
  }
  function pressed(key: string, now: number): void {
    if (!isGreeted || isParting) return;
    deadlines.delete('idle');
    prompts = 0;
    if (proposal?.heardAt != null && (key === '1' || key === '2')) {
      said = key === '1' ? 'да' : 'нет';
      note({ who: 'customer', text: key, startedAt: now, endedAt: now });
      interrupt();
      run([]);
      return;
    }
    keys = (keys + key).slice(-32);
    deadlines.set('keys', key === '#' ? now : now + keysMs);
  }
  function wake(now: number): void {
    for (const [name, at] of [...deadlines].toSorted(([, a], [, b]) => a - b)) {
      if (at > now || deadlines.get(name) !== at) continue;
      deadlines.delete(name);
      if (name === 'greet') greet();
      else if (name === 'end_of_turn') endTurn(now);
      else if (name === 'barge') interrupt();
      else if (name === 'decide') goOn();
      else if (name === 'words' && message !== null) leaveMessage('');
      else if (name === 'words') wantAnswer();
      else if (name === 'longest') part(rules.tooLong);
      else if (name === 'beep') part(rules.mailbox);
      else if (name === 'keys') {
        const typed = keys;
        keys = '';
        note({ who: 'customer', text: typed, startedAt: now, endedAt: now });
        interrupt();
        orders.push({ order: 'tell_keys', keys: typed });
        wantAnswer();
      } else if (name === 'idle') {
        prompts += 1;
        if (prompts > rules.idlePrompts) part(rules.nobodyHeard);
        else say(rules.areYouThere);
      }
    }
  }
  function answeredBy(who: 'machine' | 'screening', now: number): void {
    if (isParting) return;
    dropAnswer();
    dropQueue();
    if (who === 'screening') return void say(rules.reason);
    isMailbox = true;
    deadlines.set('beep', now + rules.beepMs);
  }

  /** Time on hold does not count towards the limit of a talk. */
  function hold(held: boolean, now: number): void {
    if (held === isHeld) return;
    isHeld = held;
    const endsAt = deadlines.get('longest');
    if (held) remainingMs = endsAt === undefined ? null : endsAt - now;
    if (held) deadlines.delete('longest');
    else if (remainingMs !== null) deadlines.set('longest', now + remainingMs);
  }
  const isListening = (): boolean => !isHeld && !isMailbox && !isTransferring;
  function obey(event: RealtimeEvent, now: number): void {
    switch (event.kind) {
      case 'started':
        deadlines.set('longest', now + rules.maxMs);
        if (event.direction === 'in') greet();
        else deadlines.set('greet', now + rules.firstWordMs);
        return;
      case 'customer_started':
        if (isListening()) customerStarted(event.at);
        return;
      case 'customer_speaks':
        if (isPaused && speech !== null && event.ms >= bargeMs) interrupt();
        return;
      case 'customer_stopped':
        if (isListening()) customerStopped(event, now);
        return;
      case 'turn_words':
        gotWords(event.turn, event.text);
        return;
      case 'answering':
        answer = { id: event.answer, at: now, isOver: false, hasSpoken: false };
        isRequested = false;
        return;
      case 'text': {
        if (answer?.id !== event.answer) return;
        const utterance = queue.find(({ item }) => item === event.item);
        if (utterance !== undefined) utterance.text += event.text;
        else texts.set(event.item, (texts.get(event.item) ?? '') + event.text);
        return;
      }
      case 'voiced': {
        const isNew = !queue.some(({ item }) => item === event.item);
        const utterance = itemSpoken(event, now);
        if (utterance === null) return;
        utterance.voicedMs += event.ms;
        if (isNew) orders.push({ order: 'play', utterance: utterance.id, item: event.item });
        return;
      }
      case 'own_voiced': {
        const utterance = queue.find(({ id }) => id === event.utterance);
        if (utterance !== undefined) utterance.voicedMs = event.ms;
        return;
      }
      case 'unvoiced': {
        const utterance = queue.find(({ id }) => id === event.utterance);
        if (utterance !== undefined) finish(utterance, now);
        return;
      }
      case 'said':
        itemSaid(event, now);
        return;
      case 'answered':
        isAnswered(event, now);
        return;
      case 'played':
        played(event, now);
        return;
      case 'tools_ran':
        toolsRan(event, now);
        return;
      case 'key':
        if (!isTransferring && !takesMessage) pressed(event.key, now);
        return;
      case 'transferred':
        isOver = true;
        deadlines.clear();
        return;
      case 'transfer_failed':
        isNotTransferred(now);
        return;
      case 'held':
        hold(event.isHeld, now);
        speech = null;
        for (const name of ['idle', 'end_of_turn'] as const) deadlines.delete(name);
        if (!isHeld) {
          goOn();
          settle(now);
        }
        return;
      case 'answered_by':
        answeredBy(event.who, now);
        return;
      case 'beep':
        isGreeted = true;
        orders.push({ order: 'record' });
        part(rules.mailbox);
        return;
      case 'lost':
        isOpen = false;
        if (isRequested || (answer !== null && !answer.isOver)) isAnswerWanted = true;
        for (const { item, id } of queue) if (item !== null) orders.push({ order: 'complete', utterance: id });
        isRequested = false;
        answer = null;
        texts.clear();
        return;
      case 'opened':
        isOpen = true;
        if (isAnswerWanted && running === 0) wantAnswer();
        return;
      case 'given_up':
        part(rules.trouble);
        return;
      case 'left':
        dropQueue();
        isOver = true;
        return;
      case 'woken':
        wake(now);
        return;
    }
  }
  return {
    give(event, now) {
      // The customer's last words may be transcribed after the agent's last word.
      if (isOver && event.kind !== 'turn_words') return [];
      orders = [];
      if (event.kind === 'woken') wakeAt = null;
      obey(event, now);
      const next = isOver || deadlines.size === 0 ? null : Math.min(...deadlines.values());
      if (next !== wakeAt) {
        wakeAt = next;
        orders.push({ order: 'wake', at: next });
      }
      return orders;
    },
  };
}
