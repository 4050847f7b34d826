/**
 * `/api/v1/session`: logging in and out, invitations, passwords and the second factor. These are routes of the gateway and not methods,
 * because a password never crosses the bus.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Database } from '../../../bus/service.ts';
import { jsonSchema } from '../../../contracts/kit/describe.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { PersonId } from '../../../contracts/people.ts';
import type { Identity } from '../keys.ts';
import type { HttpRoute } from '../routes.ts';
import { readCookie, removeCookie, requireSafeTransport, requireSameOrigin } from './cookie.ts';
import type { LogIn } from './log-in.ts';
import type { Passwords } from './password.ts';
import { returnPath, startPath } from './provider-routes.ts';
import { type Credentials, endSessions, findCredentials, listLogins, setPassword, useInvitation } from './rows.ts';
import { type Sessions, tokenDigest } from './sessions.ts';
import type { Note, StartSession } from './start-session.ts';

export interface SessionRouteParts {
  readonly db: Database;
  readonly logIn: LogIn;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly startSession: StartSession;
  readonly note: Note;
  readonly routes: readonly HttpRoute[];
  /** Informs every gateway that the session has ended. */
  readonly ended: (sessionId: string) => void;
  /** Whether people may have passwords. */
  readonly hasPasswords: boolean;
  /** Where the session at the identity provider ends; null if there is no such place. */
  readonly providerLogOut: () => Promise<string | null>;
  readonly idleMs: number;
}

const Password = z.string().max(200).describe('At least 10 characters; any characters, and no rules about kinds of them.');
const NewPassword = Password.min(10, 'at least 10 characters');
const Code = z.string().max(40).describe('The code of the authenticator app, or a recovery code.');
const LogInBody = z.strictObject({ login: z.string().max(100), password: Password, code: Code.optional() });
const AcceptBody = z.strictObject({ token: z.string().max(100), password: NewPassword });
const PasswordBody = z.strictObject({ current: Password, next: NewPassword });
const CodeBody = z.strictObject({ code: Code });

interface Route {
  readonly verb: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Parameters of the query, by name. */
  readonly query?: Readonly<Record<string, string>>;
  /** It replies with a redirect. */
  readonly redirects?: true;
}
/** For the router and the documents. */
export const sessionRoutes = {
  logIn: { verb: 'POST', path: '/api/v1/session', summary: 'Log in. Sets the cookie of the session.', body: LogInBody },
  show: { verb: 'GET', path: '/api/v1/session', summary: 'The person who is logged in, and the methods that they may use.' },
  logOut: {
    verb: 'DELETE',
    path: '/api/v1/session',
    summary: 'Log out: the session ends. `providerLogOut` is the address at which the session at the identity provider ends, or null.',
  },
  startAtProvider: {
    verb: 'GET',
    path: startPath,
    summary: 'Log in through the identity provider, if IDENTITY_KIND names one: redirects to its page.',
    query: { to: 'The page of the desk to show then: `/desk/chats`.' },
    redirects: true,
  },
  returnFromProvider: {
    verb: 'GET',
    path: returnPath,
    summary:
      'The end of a log-in through the identity provider, which sends the browser here. Sets the cookie of the session, and redirects to the desk.',
    redirects: true,
  },
  accept: {
    verb: 'POST',
    path: '/api/v1/session/accept',
    summary: 'Accept an invitation, or choose a new password after a reset; then logged in.',
    body: AcceptBody,
  },
  list: { verb: 'GET', path: '/api/v1/session/all', summary: 'Open sessions of the person who is logged in.' },
  end: { verb: 'DELETE', path: '/api/v1/session/all/:sessionId', summary: 'End a session of one’s own.' },
  password: { verb: 'POST', path: '/api/v1/session/password', summary: 'Change the password. Other sessions end.', body: PasswordBody },
  propose: {
    verb: 'POST',
    path: '/api/v1/session/second-factor',
    summary: 'Begin to set up an authenticator app: its secret and the address that the app reads.',
  },
  confirm: {
    verb: 'POST',
    path: '/api/v1/session/second-factor/confirm',
    summary: 'Confirm the authenticator app with a code of it. Returns recovery codes, once.',
    body: CodeBody,
  },
} as const satisfies Readonly<Record<string, Route>>;

export function addSessionRoutes(app: FastifyInstance, parts: SessionRouteParts): void {
  const { db, logIn, passwords, sessions, startSession, note, routes, ended, hasPasswords, providerLogOut, idleMs } = parts;

  async function logged(request: FastifyRequest): Promise<Identity & { readonly person: string }> {
    const identity = await sessions.identify(readCookie(request, 'session'));
    if (identity?.person == null) throw new PolybError('unauthenticated', 'Log in: POST /api/v1/session.', { reason: 'no_session' });
    if (request.method !== 'GET') requireSameOrigin(request);
    return { ...identity, person: identity.person };
  }
  async function begin(request: FastifyRequest, reply: FastifyReply, person: Credentials): Promise<object> {
    const identity = await startSession(request, reply, { personId: person.personId, isProvided: false });
    return shown(person, identity?.session?.mustEnrol ?? false);
  }
  function requirePasswords(): void {
    if (!hasPasswords)
      throw new PolybError('permission_denied', 'Log in through the identity provider: passwords are off by PEOPLE_PASSWORDS.', {
        reason: 'passwords_off',
      });
  }
  const shown = ({ personId, name, role, passwordHash }: Credentials, mustEnrol: boolean) => ({
    person: { personId, name, role },
    hasPassword: hasPasswords && passwordHash !== null,
    needsSecondFactor: mustEnrol,
    permissions: mustEnrol
      ? []
      : [
          ...new Set(routes.filter(({ people, scope }) => scope !== 'none' && people.includes(role)).map(({ method }) => method.address)),
        ].sort(),
  });
  const credentialsOf = async (personId: string): Promise<Credentials> => {
    const found = await findCredentials(db, personId);
    if (found === null) throw new PolybError('unauthenticated', 'Log in: POST /api/v1/session.', { reason: 'no_session' });
    return found;
  };
  const add = (route: Route, handle: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): void => {
    app.route({
      method: route.verb,
      url: route.path,
      handler: async (request, reply) => {
        const body = await handle(request, reply);
        return reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));
      },
    });
  };

  add(sessionRoutes.logIn, async (request, reply) => {
    requireSafeTransport(request);
    requireSameOrigin(request);
    requirePasswords();
    const { login, password, code } = parsed(LogInBody, request.body);
    const asked = login.trim().toLowerCase();
    // A name that nobody can have takes the same time.
    const name = PersonId.safeParse(asked).success ? asked : '-';
    return begin(request, reply, await logIn.check({ login: name, password, code: code?.trim(), address: request.ip }));
  });
  add(sessionRoutes.show, async (request) => {
    const { person, session } = await logged(request);
    return shown(await credentialsOf(person), session?.mustEnrol ?? false);
  });
  add(sessionRoutes.logOut, async (request, reply) => {
    const { keyId, person, session } = await logged(request);
    await endSessions(db, { sessionId: keyId });
    ended(keyId);
    removeCookie(request, reply, 'session');
    await note(request, { keyId, person }, 'log_out');
    return { providerLogOut: session?.isProvided === true ? await providerLogOut() : null };
  });
  add(sessionRoutes.accept, async (request, reply) => {
    requireSafeTransport(request);
    requireSameOrigin(request);
    requirePasswords();
    const { token, password } = parsed(AcceptBody, request.body);
    const passwordHash = await passwords.digest(password);
    const personId = await db.transaction(async (tx) => {
      const invited = await useInvitation(tx, tokenDigest(token));
      if (invited !== null) await setPassword(tx, invited, passwordHash);
      return invited;
    });
    if (personId === null)
      throw new PolybError('failed_precondition', 'This link was used or is over; ask an admin for a new one.', {
        reason: 'invitation_over',
      });
    return begin(request, reply, await credentialsOf(personId));
  });
  add(sessionRoutes.list, async (request) => {
    const { person, keyId } = await logged(request);
    const { items } = await listLogins(db, { personId: person, isOpen: true, limit: 100, idleMs });
    return { items: items.map((session) => ({ ...session, isThis: session.sessionId === keyId })) };
  });
  add(sessionRoutes.end, async (request) => {
    const { person } = await logged(request);
    const { sessionId = '' } = request.params as Readonly<Record<string, string>>;
    const { items } = await listLogins(db, { personId: person, isOpen: true, limit: 100, idleMs });
    if (!items.some((session) => session.sessionId === sessionId))
      throw new PolybError('not_found', 'You have no such open session.', { reason: 'no_session' });
    for (const each of await endSessions(db, { sessionId })) ended(each);
    return {};
  });
  add(sessionRoutes.password, async (request) => {
    const { person, keyId } = await logged(request);
    const { current, next } = parsed(PasswordBody, request.body);
    if (!(await logIn.isPassword({ login: person, password: current, address: request.ip })))
      throw new PolybError('invalid_argument', 'The current password is wrong.', { reason: 'wrong_password' });
    const passwordHash = await passwords.digest(next);
    const others = await db.transaction(async (tx) => {
      await setPassword(tx, person, passwordHash);
      return endSessions(tx, { personId: person, except: keyId });
    });
    for (const each of others) ended(each);
    await note(request, { keyId, person }, 'change_password');
    return {};
  });
  add(sessionRoutes.propose, async (request) => logIn.propose((await logged(request)).person));
  add(sessionRoutes.confirm, async (request) => {
    const { person, keyId } = await logged(request);
    const { code } = parsed(CodeBody, request.body);
    const recoveryCodes = await logIn.confirm(person, code.trim());
    sessions.forget(keyId);
    await note(request, { keyId, person }, 'set_second_factor');
    return { recoveryCodes };
  });
}

function parsed<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  // A value is not repeated: it may be a password.
  const [issue] = read.error.issues;
  const field = issue?.path.join('.') || 'the body';
  throw new PolybError('invalid_argument', `Bad ${field}: ${issue?.message ?? 'not as described'}.`, { reason: 'bad_parameters' });
}

const done = { 200: { description: 'Done.', content: { 'application/json': { schema: { type: 'object' } } } } };
const redirect = { 303: { description: 'A redirect; after a refusal, to a page that shows why.' } };
/** Of openapi.json. */
export function sessionDocuments(failures: object): Readonly<Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries<Route>(sessionRoutes)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    const parameters = [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, field]) => ({
        name: field,
        in: 'path',
        required: true,
        schema: { type: 'string', maxLength: 40 },
      })),
      ...Object.entries(route.query ?? {}).map(([name, description]) => ({
        name,
        in: 'query',
        required: false,
        description,
        schema: { type: 'string', maxLength: 500 },
      })),
    ];
    paths[path] = {
      ...paths[path],
      [route.verb.toLowerCase()]: {
        operationId: `session.${name}`,
        tags: ['session'],
        summary: route.summary,
        ...(parameters.length > 0 && { parameters }),
        ...(route.body !== undefined && {
          requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } },
        }),
        responses: { ...(route.redirects ? redirect : done), ...failures },
      },
    };
  }
  return paths;
}
