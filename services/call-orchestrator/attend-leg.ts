import { setTimeout as delay } from 'node:timers/promises';
import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { type ConsultParts, takeCall } from './consult.ts';
import { claimConsultation } from './consultation-rows.ts';
import { type LineParts, runLine } from './line/run-line.ts';
import { briefingScript, type LineScript, peopleScript } from './line/script.ts';
import { type Routes, routeOfLine } from './routes.ts';
import { claimLine, markAnsweredBy } from './rows.ts';

export interface Attendant {
  readonly attend: Handler<typeof calls.attend_leg>;
  /** Lets the lines go on for a while, then leaves them. */
  stop(): Promise<void>;
}
const partingMs = 5_000;

/** Speaks on answered legs by their scripts. A call is attended by one instance. */
export function attendLegs(
  db: Queries,
  parts: Omit<LineParts, 'connect'> & Omit<ConsultParts, 'db'> & { readonly script: LineScript; readonly routes: Routes },
): Attendant {
  const running = new Set<Promise<void>>();
  const leaving = new AbortController();
  /** What is said on the leg of a customer, or of a person who is asked to take the call of one; null if somebody speaks already. */
  async function spokenOn(
    callId: string,
    legId: string,
  ): Promise<(Pick<LineParts, 'connect' | 'answered'> & { readonly script: LineScript }) | null> {
    const call = await claimLine(db, callId, legId);
    if (call !== null) {
      const route = call.direction === 'in' ? routeOfLine(parts.routes, call.line ?? '') : undefined;
      return {
        script: route?.kind === 'people' ? peopleScript(route.people, route.rounds) : parts.script,
        connect: async () => false,
        answered: call.direction === 'out' ? (by) => markAnsweredBy(db, callId, by) : undefined,
      };
    }
    const asked = await claimConsultation(db, callId, legId, new Date(parts.now()));
    return asked && { script: briefingScript(asked.summary), connect: (signal) => takeCall(asked, legId, { ...parts, db }, signal) };
  }
  return {
    async attend({ callId, legId }) {
      const spoken = leaving.signal.aborted ? null : await spokenOn(callId, legId);
      if (spoken === null) return { isAttended: false };
      const line = runLine({ callId, legId }, spoken.script, { ...parts, ...spoken }, leaving.signal)
        .catch((err) => {
          if (!leaving.signal.aborted) parts.log.warn({ err, callId }, 'the script of a call broke off; the gateway hangs up');
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
