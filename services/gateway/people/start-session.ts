/** The session that every way to log in ends in, and what the audit has of it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '../../../bus/service.ts';
import type { Identity } from '../keys.ts';
import type { Decision } from '../rows.ts';
import { setCookie } from './cookie.ts';
import { insertSession } from './rows.ts';
import { newSessionId, newToken, type Sessions, staff, tokenDigest } from './sessions.ts';

export interface StartSessionParts {
  readonly db: Database;
  readonly sessions: Sessions;
  readonly note: Note;
  readonly totalMs: number;
}
/** @returns The new session; null if it has ended already. */
export type StartSession = (
  request: FastifyRequest,
  reply: FastifyReply,
  who: { readonly personId: string; readonly isProvided: boolean },
) => Promise<Identity | null>;

export function createStartSession({ db, sessions, note, totalMs }: StartSessionParts): StartSession {
  return async (request, reply, { personId, isProvided }) => {
    const token = newToken();
    const program = (request.headers['user-agent'] ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 200);
    const session = { sessionId: newSessionId(), personId, address: request.ip, program, totalMs, isProvided };
    await db.transaction((tx) => insertSession(tx, { ...session, tokenHash: tokenDigest(token) }));
    setCookie(request, reply, 'session', token, totalMs);
    await note(request, { keyId: session.sessionId, person: personId }, 'log_in');
    return sessions.identify(token);
  };
}

/** Audits what a person did to their session, as `session.<did>`. Default: it succeeded, and has no target. */
export type Note = (
  request: FastifyRequest,
  who: { readonly keyId: string; readonly person: string | null },
  did: string,
  more?: Partial<Pick<Decision, 'target' | 'code' | 'reason'>>,
) => Promise<void>;
export function noteIn(decided: (decision: Decision) => Promise<void>): Note {
  return ({ id }, { keyId, person }, did, { target = null, code = 'ok', reason = null } = {}) =>
    decided({ keyId, client: staff, person, method: `session.${did}`, target, code, reason, requestId: id });
}
