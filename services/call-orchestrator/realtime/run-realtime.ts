/** Runs a talk of a speech model: connects the leg, the session of the model and the tools of the dialog to the state machine. */
import type { SpeechEvent, SpeechModel, SpeechSession, SpeechTurns } from '../../../adapters/realtime/port.ts';
import { telephony } from '../../../contracts/telephony.ts';
import { decode, silence } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import { voiceActivity } from '../../../media/audio/voice-activity.ts';
import { createHearing, gapMs, leadMs, tickMs } from '../talk/hearing.ts';
import type { TalkEntry } from '../talk/machine.ts';
import { createTalkLine } from '../talk/talk-line.ts';
import type { TalkedCall, TalkParts } from '../talk/talk-parts.ts';
import { createTurns } from '../talk/turns.ts';
import { keepConnected } from './connection.ts';
import { createRealtimeTalk, endCall, type RealtimeEvent, type RealtimeOrder } from './machine.ts';
import { createToolRunner, resultText } from './run-tools.ts';
import { setupOf } from './setup.ts';

export interface RealtimeParts extends TalkParts {
  readonly models: readonly SpeechModel[];
  readonly turns: SpeechTurns;
}
/** Entries of the conversation passed to a new session. */
const rememberedEntries = 60;
/** Maximum audio of turns without a transcript, kept for a new session. */
const keptBytes = 480_000;

/** Resolves when the leg has ended. */
export async function runRealtime(
  { callId, legId, direction, phoneNumber }: TalkedCall,
  parts: RealtimeParts,
  signal: AbortSignal,
): Promise<void> {
  const { bus, log, now, rules, language, models, turns } = parts;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const isOwn = turns === 'own';
  const talk = createRealtimeTalk(rules, isOwn ? 'own' : 'provider');
  const customer = { sessionId: callId, ...(phoneNumber === null ? {} : { phoneNumber }) };
  const entries: TalkEntry[] = [];
  let session: SpeechSession | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Utterances by the items of their audio. */
  const playing = new Map<string, number>();
  /** Turns by their items, and turns whose items are not known yet. */
  const turnOf = new Map<string, number>();
  let committed: number[] = [];
  /** The item whose end the provider has just found. */
  let found: string | null = null;
  /** Audio of the current turn and of turns without known words. */
  const unread = new Map<number, readonly Uint8Array[]>();
  let current: Uint8Array[] = [];
  let heardMs = 0;
  let spokenMs = 0;
  let frameAt = now();
  let isHeld = false;
  let isStaffAway = false;

  function give(event: RealtimeEvent): void {
    if (until.aborted) return;
    for (const order of talk.give(event, now())) obey(order);
  }
  const line = createTalkLine(
    { callId, legId },
    parts,
    {
      give(event) {
        give(event);
        // The model is no longer needed.
        if (event.kind === 'transferred') session?.close();
      },
      spoken: (utterance, ms) => give({ kind: 'own_voiced', utterance, ms }),
    },
    { until, signal },
  );
  const { player, voice } = line;
  const said = createTurns();
  const hearing = createHearing({
    ...{ detector: parts.detector ?? (await voiceActivity()), now, echoDb: line.echo.level },
    stirred() {},
    started(_, at) {
      spokenMs = -leadMs;
      give({ kind: 'customer_started', at });
    },
    audio: hear,
    stopped: (_, at, soundAt) => give({ kind: 'customer_stopped', at, soundAt }),
  });
  function hear(pcmu: Uint8Array): void {
    if (current.reduce((sum, { length }) => sum + length, 0) < keptBytes) current.push(pcmu);
    session?.hear(pcmu);
    spokenMs += pcmu.length / 8;
    give({ kind: 'customer_speaks', ms: spokenMs });
  }
  /** If the provider finds turns, it hears everything except the echo of the agent. */
  function hearAll(pcmu: Uint8Array): void {
    frameAt = now();
    heardMs += pcmu.length / 8;
    const isEcho = levelDb(decode('PCMU', pcmu)) < line.echo.level();
    session?.hear(isEcho ? new Uint8Array(pcmu.length).fill(silence.PCMU) : pcmu);
  }
  function tick(): void {
    if (isOwn) hearing.tick();
    else if (!isHeld && now() - frameAt > gapMs) hearAll(new Uint8Array((now() - frameAt) * 8).fill(silence.PCMU));
  }

  function obey(order: RealtimeOrder): void {
    switch (order.order) {
      case 'say':
        line.say(order.utterance, order.text);
        return;
      case 'remember':
        session?.note('agent', order.text);
        return;
      case 'play':
        playing.set(order.item, order.utterance);
        player.begin(order.utterance);
        return;
      case 'complete':
        player.end(order.utterance);
        return;
      case 'pause':
        player.pause();
        return;
      case 'resume':
        player.resume();
        return;
      case 'hush':
        playing.clear();
        voice.hush();
        player.hush();
        return;
      case 'commit':
        if (!isOwn) {
          if (found !== null) turnOf.set(found, order.turn);
          return;
        }
        unread.set(order.turn, current);
        current = [];
        committed.push(order.turn);
        session?.commit();
        return;
      case 'answer':
        session?.answer();
        return;
      case 'cancel':
        session?.cancel();
        return;
      case 'truncate':
        session?.truncate(order.item, order.heardMs);
        return;
      case 'tell_keys':
        session?.note('customer', `Клиент нажал на клавиши телефона: ${order.keys}`);
        return;
      case 'run_tools':
        void answerCalls(order);
        return;
      case 'record':
        line.record();
        return;
      case 'note':
        entries.push(order.entry);
        line.note(order.entry);
        for (const turn of said.add(order.entry)) line.complete(turn);
        return;
      case 'hang_up':
        line.hangUp();
        return;
      case 'transfer':
        line.transfer(isStaffAway);
        return;
      case 'wake':
        clearTimeout(timer);
        if (order.at !== null) timer = setTimeout(() => give({ kind: 'woken' }), Math.max(0, order.at - now()));
    }
  }
  const model = (models[0]?.provider ?? 'speech').slice(0, 200);
  const runTools = createToolRunner({ customer, model, keyPrefix: callId }, { bus, log }, until);
  async function answerCalls({ calls, said }: Extract<RealtimeOrder, { order: 'run_tools' }>): Promise<void> {
    const asked = session;
    const run = await runTools({ said, calls });
    const { ran, setup } = run;
    isStaffAway = ran?.isStaffAway ?? isStaffAway;
    if (setup !== null) session?.update(setup);
    for (const { callId: id, name } of calls) {
      const text = resultText(run, id, { error: 'failed', detail: 'It is not known whether this was done.' });
      // A new session does not know the tool call.
      if (asked === session) session?.result(id, text);
      else session?.note('system', `${name}: ${text}`);
    }
    give({
      ...{ kind: 'tools_ran', say: ran?.say ?? null },
      ...{ isProposal: (ran?.proposals.length ?? 0) > 0, handsOver: ran?.isHandedOver ?? false },
    });
  }

  function heardFromModel(event: SpeechEvent): void {
    switch (event.kind) {
      case 'audio': {
        give({ kind: 'voiced', answer: event.answer, item: event.item, ms: event.pcmu.length / 8 });
        const utterance = playing.get(event.item);
        if (utterance !== undefined) player.add(utterance, event.pcmu);
        return;
      }
      case 'speech_started':
        give({ kind: 'customer_started', at: now() - Math.max(0, heardMs - event.atMs) });
        return;
      case 'speech_stopped':
        found = event.item;
        give({ kind: 'customer_stopped', at: now() - Math.max(0, heardMs - event.atMs) });
        found = null;
        return;
      case 'committed': {
        const turn = isOwn ? committed.shift() : undefined;
        if (turn === undefined) return;
        if (event.item === null) give({ kind: 'turn_words', turn, text: '' });
        else turnOf.set(event.item, turn);
        return;
      }
      case 'words': {
        const turn = turnOf.get(event.item);
        if (turn === undefined || !event.isFinal) return;
        turnOf.delete(event.item);
        unread.delete(turn);
        line.words(event.text);
        give({ kind: 'turn_words', turn, text: event.text });
        return;
      }
      case 'answered':
        for (const { callId: id, name } of event.calls) if (name === endCall) session?.result(id, '{"ok":true}');
        unread.clear();
        give(event);
        return;
      case 'playing':
      case 'heard':
        return;
      case 'refused':
        log.info({ callId, code: event.code }, 'the speech model refused a request');
        return;
      default:
        give(event);
    }
  }
  const spokenSoFar = () =>
    entries
      .toSorted((a, b) => a.startedAt - b.startedAt)
      .slice(-rememberedEntries)
      .map(({ who, text }) => ({ who, text }));
  let knownEntries = 0;
  const connected = keepConnected(
    {
      ...{ models, log, event: heardFromModel },
      async options() {
        const own = await setupOf(bus, customer, until);
        knownEntries = entries.length;
        return { ...own, ...{ language, voice: undefined, turns, history: spokenSoFar() } };
      },
      opened(opened) {
        session = opened;
        heardMs = 0;
        // Add what was said while the session was being opened.
        for (const { who, text } of entries.slice(knownEntries)) opened.note(who, text);
        committed = [...unread.keys()];
        for (const audio of unread.values()) {
          for (const each of audio) opened.hear(each);
          opened.commit();
        }
        for (const each of current) opened.hear(each);
        give({ kind: 'opened' });
      },
      lost() {
        session = undefined;
        turnOf.clear();
        playing.clear();
        give({ kind: 'lost' });
      },
      givenUp: () => give({ kind: 'given_up' }),
    },
    until,
  );

  const ticking = setInterval(tick, tickMs);
  try {
    const items = bus.open(telephony.media, { legId }, line.leg, { signal: until });
    give({ kind: 'started', direction });
    for await (const item of items) {
      if (item instanceof Uint8Array) {
        // On hold, and once a person has the call, the customer is not speaking with the agent.
        if (isHeld) continue;
        if (isOwn) hearing.frame(item);
        else hearAll(item);
        line.sound(decode('PCMU', item));
      } else if ('played' in item) player.heard(item.played, item.ms);
      else if ('delayMs' in item) hearing.delayed(item.delayMs);
      else if ('dtmf' in item) give({ kind: 'key', key: item.dtmf });
      else if ('held' in item) {
        isHeld = item.held;
        hearing.reset();
        give({ kind: 'held', isHeld });
      }
    }
  } finally {
    for (const order of talk.give({ kind: 'left' }, now())) obey(order);
    clearInterval(ticking);
    clearTimeout(timer);
    over.abort();
    hearing.close();
    session?.close();
    await connected;
    for (const turn of said.end()) line.complete(turn);
    await line.close();
  }
}
