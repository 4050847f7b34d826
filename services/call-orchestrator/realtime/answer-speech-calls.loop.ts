import type { SipCalls, SipSession } from '../../../adapters/realtime/port.ts';
import { type Bus, type Log, type Loop, loop, type Queries } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import { Phone } from '../../../contracts/common.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { finishCall } from '../finish-call.ts';
import { referTarget } from '../hand-over.ts';
import { type Routes, routeOfLine } from '../routes.ts';
import { advance, type CallEnd, isEndRequested, markTransferred, unknownEnd } from '../rows.ts';
import { countEntries, insertEntry } from '../talk/transcript-rows.ts';
import { setupOf } from './setup.ts';
import { runSideband } from './sideband.ts';
import {
  closeSpeechCall,
  forgetSpeechCalls,
  holdSpeechCall,
  releaseSpeechCall,
  type SpeechCallRow,
  takeSpeechCalls,
} from './speech-call-rows.ts';
import { reportTurnsOf } from './speech-call-turns.ts';

export interface SpeechCallParts {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'call' | 'commit'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly routes: Routes;
  readonly language: string;
  /** The people for hand-overs; the first one is called. */
  readonly people: readonly string[];
}
/** The heartbeat of an attending instance is more frequent than this. */
const silentMs = 15_000;
const beatMs = 5_000;
const keptMs = 30 * 86_400_000;
/** SIP: the number is not served here. */
const notFound = 404;

export interface SpeechCallAnswerer {
  readonly loop: Loop;
  /** Answers without waiting for the loop. */
  readonly answerNow: () => void;
}
/** Answers calls waiting at the provider, by the route of the called number, and attends them. @param closing leaves them */
export function answerSpeechCalls(sip: SipCalls | undefined, parts: SpeechCallParts, closing: AbortSignal): SpeechCallAnswerer {
  const { db, bus, log, now, routes, people } = parts;

  async function finish({ providerCallId, callId }: SpeechCallRow, end: CallEnd): Promise<void> {
    if (callId !== null) await (await reportTurnsOf(callId, parts)).end();
    await bus.commit(async (tx) => {
      await closeSpeechCall(tx, providerCallId, end.outcome === 'failed' ? 'refused' : 'ended');
      if (callId !== null) await finishCall(tx, callId, end, new Date(now()));
    });
  }
  async function connectPerson(sipCalls: SipCalls, row: SpeechCallRow, to: string, signal: AbortSignal): Promise<void> {
    const { callId } = row;
    await sipCalls.refer(row.providerCallId, referTarget(to), signal);
    if (callId === null) return;
    await bus.commit(async (tx) => {
      const moved = await markTransferred(tx, callId, to);
      if (moved !== null)
        tx.emit(calls.call_transferred, { callId, leadId: moved.leadId, direction: 'in', to, at: new Date(now()).toISOString() });
    });
  }
  async function answer(row: SpeechCallRow, signal: AbortSignal): Promise<void> {
    if (sip === undefined) return;
    const { providerCallId, callId } = row;
    const route = routeOfLine(routes, row.line);
    if (route?.kind === 'people' && !row.isAnswered) {
      const [first = ''] = route.people;
      await connectPerson(sip, row, first, signal);
      // Only the carrier knows whether the person answers.
      return await finish(row, { ...unknownEnd, endedBy: 'system' });
    }
    if (callId === null || (route?.kind !== 'realtime' && !row.isAnswered)) {
      await sip.reject(providerCallId, notFound, signal);
      return await closeSpeechCall(db, providerCallId, 'refused');
    }
    const phoneNumber = Phone.safeParse(row.phoneNumber).data;
    const customer = { sessionId: callId, ...(phoneNumber === undefined ? {} : { phoneNumber }) };
    const own = await setupOf(bus, customer, signal);
    const options = { ...own, language: parts.language, turns: 'server_vad' as const, history: [] };
    let refusal: unknown;
    if (!row.isAnswered)
      await sip.accept(providerCallId, options, signal).catch((err) => {
        // An attempt whose reply was lost may have succeeded; then there is a session.
        if (!isRefusal(err)) throw err;
        refusal = err;
      });
    const session = await sip.attach(providerCallId, options, closing).catch((err) => {
      throw refusal ?? err;
    });
    await holdSpeechCall(db, providerCallId, new Date(now()));
    if (!row.isAnswered) await answered(callId);
    void attend(sip, row, session, customer).catch((err: unknown) => log.warn({ err, callId }, 'the end of a call was not stored'));
  }
  async function answered(callId: string): Promise<void> {
    await bus.commit(async (tx) => {
      const call = await advance(tx, callId, 'answered', new Date(now()));
      if (call !== null)
        tx.emit(calls.call_answered, { callId, leadId: null, direction: 'in', at: call.answeredAt ?? new Date(now()).toISOString() });
    });
  }
  async function attend(
    sipCalls: SipCalls,
    row: SpeechCallRow,
    session: SipSession,
    customer: { readonly sessionId: string; readonly phoneNumber?: string },
  ): Promise<void> {
    const { providerCallId } = row;
    const callId = customer.sessionId;
    const beat = setInterval(() => {
      holdSpeechCall(db, providerCallId, new Date(now())).catch((err: unknown) =>
        log.warn({ err, callId }, 'a call could not be marked as attended'),
      );
    }, beatMs);
    try {
      let said = await countEntries(db, callId);
      const turns = await reportTurnsOf(callId, parts);
      const over = await runSideband(
        session,
        { customer, runKey: `${callId}:${now()}` },
        {
          ...{ bus, log, now },
          async note(entry) {
            await insertEntry(db, callId, said++, entry);
            await turns.add(entry);
          },
          async end(handsOver) {
            const [person] = people;
            if (handsOver && person !== undefined) await connectPerson(sipCalls, row, person, closing);
            else await sipCalls.hangUp(providerCallId, closing);
          },
        },
        closing,
      );
      if (over.how === 'ended') await finish(row, { ...answeredEnd, endedBy: 'system' });
      else if (!closing.aborted && row.isAnswered && !over.hadEvents) await finish(row, await endOf(callId));
      else {
        // Either the call or only the connection is over; the next instance to attend it finds out.
        await releaseSpeechCall(db, providerCallId);
        if (!closing.aborted) answerNow();
      }
    } finally {
      clearInterval(beat);
    }
  }
  const endOf = async (callId: string): Promise<CallEnd> => ({
    ...answeredEnd,
    endedBy: (await isEndRequested(db, callId)) ? 'system' : 'remote',
  });
  async function answerAll(signal: AbortSignal): Promise<void> {
    const taken = await takeSpeechCalls(db, new Date(now()), new Date(now() - silentMs));
    await Promise.all(
      taken.map(async (row) => {
        try {
          await answer(row, signal);
        } catch (err) {
          const { callId, isAnswered } = row;
          log.info(
            { err, callId },
            isAnswered ? 'a call at the speech model is over' : 'a call that waits at the speech model was not answered',
          );
          if (!isRefusal(err)) return;
          await finish(row, isAnswered && callId !== null ? await endOf(callId) : unansweredEnd);
        }
      }),
    );
  }
  const answerNow = (): void =>
    void answerAll(closing).catch((err: unknown) => log.warn({ err }, 'calls that wait are answered by the next turn of the loop'));
  return {
    loop: loop('answer_speech_calls', { idleMs: 5_000 }, async (signal) => {
      await answerAll(signal);
      await forgetSpeechCalls(db, new Date(now() - keptMs));
      return 'idle';
    }),
    answerNow,
  };
}
const answeredEnd = { ...unknownEnd, outcome: 'answered', hangUpCause: 'normal' } as const;
/** The end of a call refused by the provider: the caller has given up, or the call cannot be answered. */
const unansweredEnd = { ...unknownEnd, outcome: 'failed' } as const;
const isRefusal = (err: unknown): boolean =>
  isPolybError(err) && err.outcome === 'not_executed' && err.code !== 'unavailable' && err.code !== 'resource_exhausted';
