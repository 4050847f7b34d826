import type { SipCalls } from '../../../adapters/realtime/port.ts';
import { type Bus, type Log, type Loop, loop, type Queries } from '../../../bus/service.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { type Routes, routeOfLine } from '../routes.ts';
import { setupOf } from './setup.ts';
import { runSideband } from './sideband.ts';
import { forgetSpeechCalls, markSpeechCall, takeSpeechCalls } from './speech-call-rows.ts';

export interface SpeechCallParts {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'call'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly routes: Routes;
  readonly language: string;
}
const attemptMs = 15_000;
const keptMs = 30 * 86_400_000;
/** SIP: the number is not served here. */
const notFound = 404;

export interface SpeechCallAnswerer {
  readonly loop: Loop;
  /** Does not wait for the loop. */
  readonly answerNow: () => void;
}
/** Answers calls that wait at the provider: by the route of the called number, once. @param closing ends the talks */
export function answerSpeechCalls(sip: SipCalls | undefined, parts: SpeechCallParts, closing: AbortSignal): SpeechCallAnswerer {
  const { db, log, now, routes } = parts;
  async function answer(callId: string, line: string, phoneNumber: string | null, signal: AbortSignal): Promise<void> {
    if (sip === undefined) return;
    const route = routeOfLine(routes, line);
    if (route?.kind === 'people') {
      const [first = ''] = route.people;
      await sip.refer(callId, first.startsWith('+') ? `tel:${first}` : first, signal);
      return await markSpeechCall(db, callId, 'ended');
    }
    if (route?.kind !== 'realtime') {
      await sip.reject(callId, notFound, signal);
      return await markSpeechCall(db, callId, 'refused');
    }
    const customer = { sessionId: callId, ...(/^\+\d{7,15}$/.test(phoneNumber ?? '') ? { phoneNumber: phoneNumber as string } : {}) };
    const own = await setupOf(parts.bus, customer, signal);
    const options = { ...own, language: parts.language, turns: 'server_vad' as const, history: [] };
    await sip.accept(callId, options, signal);
    await markSpeechCall(db, callId, 'answered');
    void runSideband(sip, { callId, customer, options }, parts, closing)
      .catch((err: unknown) => {
        if (!closing.aborted) log.warn({ err, callId }, 'the session of a call at the speech model broke off');
      })
      .finally(() => markSpeechCall(db, callId, 'ended').catch((err: unknown) => log.warn({ err }, 'the end of a call was not stored')));
  }
  async function answerAll(signal: AbortSignal): Promise<void> {
    const taken = await takeSpeechCalls(db, new Date(now()), new Date(now() - attemptMs));
    await Promise.all(
      taken.map(async ({ callId, line, phoneNumber }) => {
        try {
          await answer(callId, line, phoneNumber, signal);
        } catch (err) {
          log.warn({ err, callId }, 'a call that waits at the speech model was not answered');
          // The provider has refused: the call is over, or is answered already.
          if (isPolybError(err) && err.outcome === 'not_executed') await markSpeechCall(db, callId, 'refused');
        }
      }),
    );
  }
  return {
    loop: loop('answer_speech_calls', { idleMs: 5_000 }, async (signal) => {
      await answerAll(signal);
      await forgetSpeechCalls(db, new Date(now() - keptMs));
      return 'idle';
    }),
    answerNow: () =>
      void answerAll(closing).catch((err: unknown) => log.warn({ err }, 'calls that wait are answered by the next turn of the loop')),
  };
}
