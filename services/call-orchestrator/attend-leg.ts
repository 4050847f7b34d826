import { setTimeout as delay } from 'node:timers/promises';
import type { SpeechModel, SpeechTurns } from '../../adapters/realtime/port.ts';
import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { type ConsultParts, takeCall } from './consult.ts';
import { claimConsultation } from './consultation-rows.ts';
import { type LineParts, runLine } from './line/run-line.ts';
import { briefingScript, type LineScript, peopleScript } from './line/script.ts';
import { runRealtime } from './realtime/run-realtime.ts';
import { type Routes, routeOfLine } from './routes.ts';
import { claimLine, markAnsweredBy } from './rows.ts';
import { reportTurn } from './talk/report-turn.ts';
import type { TalkRules } from './talk/rules.ts';
import { runTalk } from './talk/run-talk.ts';
import type { TalkedCall, TalkParts } from './talk/talk-parts.ts';
import { insertEntry } from './talk/transcript-rows.ts';

export interface Attendant {
  readonly attend: Handler<typeof calls.attend_leg>;
  /** Lets current calls go on for a while, then leaves them. */
  stop(): Promise<void>;
}
const partingMs = 5_000;
/** The summary for a person to whom the agent hands a call over. */
const handOverSummary = 'Клиент просит сотрудника.';

/** Attends answered legs with a line script or the agent. One instance attends each call. */
export function attendLegs(
  db: Queries,
  parts: Omit<LineParts, 'connect'> &
    Omit<ConsultParts, 'db'> & {
      readonly script: LineScript;
      readonly routes: Routes;
      /** Who speaks on outbound calls. */
      readonly attendant: 'script' | 'dialog' | 'realtime';
      /** Speech models in order of preference, and who detects the end of the customer's turn. */
      readonly models: readonly SpeechModel[];
      readonly turns: SpeechTurns;
      readonly rules: TalkRules;
      readonly detector: TalkParts['detector'];
      /** The people to whom the agent hands a call over, in this order. */
      readonly people: readonly string[];
    },
): Attendant {
  const running = new Set<Promise<void>>();
  const leaving = new AbortController();
  /** The speaker for the leg of a customer, or of a person in a consultation; null if the leg already has one. */
  async function speakerOn(callId: string, legId: string): Promise<((signal: AbortSignal) => Promise<void>) | null> {
    const leg = { callId, legId };
    const call = await claimLine(db, callId, legId);
    if (call !== null) {
      const { direction, phoneNumber } = call;
      const route = direction === 'in' ? routeOfLine(parts.routes, call.line ?? '') : undefined;
      const answered: TalkParts['answered'] = direction === 'out' ? (by) => markAnsweredBy(db, callId, by) : undefined;
      const kind = route?.kind ?? parts.attendant;
      if (kind === 'dialog' || kind === 'realtime') return (signal) => talk(kind, { ...leg, direction, phoneNumber }, answered, signal);
      const script = route?.kind === 'people' ? peopleScript(route.people, route.rounds) : parts.script;
      return (signal) => runLine(leg, script, { ...parts, answered, connect: async () => false }, signal);
    }
    const asked = await claimConsultation(db, callId, legId, new Date(parts.now()));
    if (asked === null) return null;
    const connect: LineParts['connect'] = (signal) => takeCall(asked, legId, { ...parts, db }, signal);
    return (signal) => runLine(leg, briefingScript(asked.summary), { ...parts, connect }, signal);
  }
  function talk(kind: 'dialog' | 'realtime', call: TalkedCall, answered: TalkParts['answered'], signal: AbortSignal): Promise<void> {
    let [said, reported] = [0, 0];
    return (kind === 'dialog' ? runTalk : runRealtime)(
      call,
      {
        ...{ ...parts, language: 'ru-RU', voice: undefined, answered },
        note: (entry) => insertEntry(db, call.callId, said++, entry),
        completed: (turn) => reportTurn(call, reported++, turn, parts),
        transfer: async (until) =>
          parts.people.length > 0 &&
          (await parts.transfer({ callId: call.callId, people: parts.people, rounds: 1, summary: handOverSummary }, until)),
      },
      signal,
    );
  }
  return {
    async attend({ callId, legId }) {
      const speak = leaving.signal.aborted ? null : await speakerOn(callId, legId);
      if (speak === null) return { isAttended: false };
      const line = speak(leaving.signal)
        .catch((err) => {
          if (!leaving.signal.aborted) parts.log.warn({ err, callId }, 'what speaks on a call broke off; the gateway hangs up');
        })
        .finally(() => running.delete(line));
      running.add(line);
      return { isAttended: true };
    },
    async stop() {
      await Promise.race([Promise.all(running), delay(partingMs, undefined, { ref: false })]);
      leaving.abort();
      await Promise.all(running);
    },
  };
}
