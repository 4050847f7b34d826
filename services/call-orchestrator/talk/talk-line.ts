/**
 * The line of a talk, shared by the dialog and speech models: the voice and player of the leg with their echo guard, detection of who has
 * answered, ordered storage of entries, and hand-over to a person.
 */
import { telephony } from '../../../contracts/telephony.ts';
import type { AnswerVerdict } from '../line/answering.ts';
import { createSpeaker, type Speaker } from '../line/speaker.ts';
import type { AnsweredInWords } from './answering-words.ts';
import { createEchoGuard, type EchoGuard } from './echo.ts';
import type { CompletedTurn, TalkEntry } from './machine.ts';
import { createPlayer, type Player } from './player.ts';
import type { TalkedCall, TalkParts } from './talk-parts.ts';
import { createVoice, type Voice } from './voice.ts';
import { type WhoAnswered, watchAnswer } from './who-answered.ts';

export type LineEvent =
  | { readonly kind: 'played'; readonly utterance: number; readonly ms: number; readonly startedAt: number; readonly isWhole: boolean }
  | { readonly kind: 'unvoiced'; readonly utterance: number }
  | { readonly kind: 'answered_by'; readonly who: 'machine' | 'screening' }
  | { readonly kind: 'beep' | 'transferred' | 'transfer_failed' };

export interface TalkLine extends WhoAnswered {
  readonly leg: Speaker;
  readonly echo: EchoGuard;
  readonly player: Player;
  readonly voice: Voice;
  /** Synthesizes and plays the text of an utterance. */
  say(utterance: number, text: string): void;
  note(entry: TalkEntry): void;
  /** Reports a turn after its entries. */
  complete(turn: CompletedTurn): void;
  record(): void;
  hangUp(): void;
  /** Calls the people of the staff, unless it is away; reports whether one of them took the call. */
  transfer(isStaffAway: boolean): void;
  /** Resolves when all entries are stored. */
  close(): Promise<void>;
}
/** An utterance has at most 4,096 letters; a voice that takes longer is not going to end. */
const longestSpeechMs = 600_000;
/** Maximum audio waiting to be sent. */
const spokenAheadMs = 20_000;

/**
 * @param spoken audio of an utterance came from the voice, `ms` of it so far
 * @param until the talk is over @param signal this instance leaves
 */
export function createTalkLine(
  { callId, legId }: Pick<TalkedCall, 'callId' | 'legId'>,
  { bus, log, now, language, voice: voiceName, note, completed, transfer, answered }: TalkParts,
  { give, spoken }: { readonly give: (event: LineEvent) => void; readonly spoken: (utterance: number, ms: number) => void },
  { until, signal }: { readonly until: AbortSignal; readonly signal: AbortSignal },
): TalkLine {
  const leg = createSpeaker();
  const echo = createEchoGuard(now);
  const voiced = new Map<number, number>();
  let noted: Promise<void> = Promise.resolve();
  function store(work: () => Promise<void>, failure: string): void {
    noted = noted.then(work).catch((err: unknown) => log.warn({ err, callId }, failure));
  }
  function attempt(work: Promise<unknown>, failure: string): void {
    work.catch((err: unknown) => log.info({ err, callId }, failure));
  }
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
  const voice = createVoice(
    {
      ...{ bus, log, language, voice: voiceName, hasRoom: () => player.waitingMs < spokenAheadMs },
      audio(utterance, pcmu) {
        const ms = (voiced.get(utterance) ?? 0) + pcmu.length / 8;
        if (ms > longestSpeechMs) return;
        voiced.set(utterance, ms);
        spoken(utterance, ms);
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
  const hasAnswered = (by: AnsweredInWords | AnswerVerdict): void =>
    store(async () => await answered?.(by), 'the verdict on who has answered could not be stored');
  async function handOver(isStaffAway: boolean): Promise<void> {
    try {
      const isTaken = await (isStaffAway ? false : transfer(until));
      give({ kind: isTaken ? 'transferred' : 'transfer_failed' });
    } catch (err) {
      if (!until.aborted) log.warn({ err, callId }, 'a call could not be handed over');
      give({ kind: 'transfer_failed' });
    }
  }
  return {
    ...{ leg, echo, player, voice },
    ...watchAnswer({ now, isCalled: answered !== undefined, answered: hasAnswered, give }),
    say(utterance, text) {
      player.begin(utterance);
      voice.say(utterance, text);
    },
    note: (entry) => store(() => note(entry), 'an entry of the transcript could not be stored'),
    complete: (turn) => store(() => completed(turn), 'a turn could not be reported'),
    record: () => attempt(bus.call(telephony.record, { legId, on: true }, { signal: until }), 'the leg could not be recorded'),
    hangUp: () => attempt(bus.call(telephony.hang_up, { legId }, { signal }), 'the leg could not be hung up'),
    transfer: (isStaffAway) => void handOver(isStaffAway),
    async close() {
      leg.end();
      voice.close();
      await noted;
    },
  };
}
