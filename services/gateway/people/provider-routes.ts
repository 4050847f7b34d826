/** To the identity provider and back. Every reply is a redirect: a refusal is shown in words by the page of the desk. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../../bus/service.ts';
import { toPolybError } from '../../../contracts/kit/errors.ts';
import { readCookie, removeCookie, requireSafeTransport, setCookie } from './cookie.ts';
import { attemptMs, type ProviderLogIn, type RefusedPerson } from './provider-log-in.ts';
import type { Note, StartSession } from './start-session.ts';

export interface ProviderRouteParts {
  readonly logIn: ProviderLogIn;
  readonly startSession: StartSession;
  readonly note: Note;
  /** Informs every gateway that the session has ended. */
  readonly ended: (sessionId: string) => void;
  readonly log: Log;
}
export const startPath = '/api/v1/session/provider';
export const returnPath = '/api/v1/session/provider/return';
/** In the audit, of a person without a session. */
const noSession = 'none';
const longestTo = 500;

export function addProviderRoutes(app: FastifyInstance, { logIn, startSession, note, ended, log }: ProviderRouteParts): void {
  app.get(startPath, async (request, reply) => {
    const to = deskPath((request.query as { readonly to?: unknown }).to);
    return redirected(request, reply, to, async () => {
      const { address, kept } = await logIn.begin(to);
      setCookie(request, reply, 'logIn', kept, attemptMs);
      return address;
    });
  });
  // A log-in ends once, so a look-ahead by HEAD must not end it.
  app.get(returnPath, { exposeHeadRoute: false }, async (request, reply) => {
    const attempt = logIn.attemptIn(readCookie(request, 'logIn'));
    const to = attempt?.to ?? deskPath(undefined);
    removeCookie(request, reply, 'logIn');
    return redirected(request, reply, to, async () => {
      const {
        person,
        isNew,
        formerRole,
        ended: over,
        refusal,
      } = await logIn.finish(attempt, new URL(request.url, 'http://gateway').search);
      for (const sessionId of over) ended(sessionId);
      if (refusal !== undefined) throw refusal;
      const who = { keyId: noSession, person: person.personId };
      if (isNew) await note(request, who, 'add_person', { target: person.role });
      if (formerRole !== null) await note(request, who, 'change_role', { target: `${formerRole} to ${person.role}` });
      await startSession(request, reply, { personId: person.personId, isProvided: true });
      return to;
    });
  });

  /** Goes to the address that `work` returns; after a refusal, to the page with its reason. */
  async function redirected(request: FastifyRequest, reply: FastifyReply, to: string, work: () => Promise<string>): Promise<FastifyReply> {
    reply.header('referrer-policy', 'no-referrer');
    try {
      requireSafeTransport(request);
      await logIn.mayTry(request.ip);
      return reply.redirect(await work(), 303);
    } catch (thrown) {
      const { code, reason, data } = toPolybError(thrown);
      const { person = null, identity = null } = (data ?? {}) as Partial<RefusedPerson>;
      if (code === 'internal') log.error({ err: thrown, requestId: request.id }, 'a log-in failed');
      // Refusals for too many tries would fill the audit.
      if (code !== 'resource_exhausted')
        await note(request, { keyId: noSession, person }, 'log_in', { target: identity, code, reason: reason ?? null }).catch(
          (err: unknown) => log.error({ err, requestId: request.id }, 'auditing a refused log-in failed'),
        );
      const more = {
        ...(reason !== undefined && { reason }),
        ...(reason === 'login_taken' && { login: String(person), identity: String(identity) }),
      };
      return reply.redirect(`${to}#${new URLSearchParams({ refused: code, ...more })}`, 303);
    }
  }
}

/** A page of the desk on this server; of any other address, the first page. */
export function deskPath(to: unknown): string {
  const here = 'http://gateway';
  const { origin, pathname, search } = (typeof to === 'string' ? URL.parse(to, here) : null) ?? new URL(here);
  const path = `${pathname}${search}`;
  return origin === here && path.startsWith('/desk/') && path.length <= longestTo ? path : '/desk/';
}
