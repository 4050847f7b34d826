import { setTimeout as delay } from 'node:timers/promises';
import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { type LineParts, runLine } from './line/run-line.ts';
import { type LineScript, peopleScript } from './line/script.ts';
import { type Routes, routeOfLine } from './routes.ts';
import { claimLine } from './rows.ts';

export interface Attendant {
  readonly attend: Handler<typeof calls.attend_leg>;
  /** Lets the lines go on for a while, then leaves them. */
  stop(): Promise<void>;
}
const partingMs = 5_000;

/** Speaks on answered legs by their scripts. A call is attended by one instance. */
export function attendLegs(db: Queries, parts: LineParts & { readonly script: LineScript; readonly routes: Routes }): Attendant {
  const running = new Set<Promise<void>>();
  const leaving = new AbortController();
  return {
    async attend({ callId, legId }) {
      const call = leaving.signal.aborted ? null : await claimLine(db, callId, legId);
      if (call === null) return { isAttended: false };
      const route = call.direction === 'in' ? routeOfLine(parts.routes, call.line ?? '') : undefined;
      const script = route?.kind === 'people' ? peopleScript(route.people) : parts.script;
      const line = runLine({ callId, legId }, script, parts, leaving.signal)
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
