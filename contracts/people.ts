/**
 * People who log in at the gateway: their roles, sessions and links. Passwords and codes are not here: they are given to the gateway alone,
 * over HTTP (`/api/v1/session`).
 */
import { z } from 'zod';
import { Line, OnBehalfOf, PageInput, pageOf, Timestamp } from './common.ts';
import { contract, event, method, personRoles } from './kit/define.ts';

export const PersonId = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_.-]*$/, 'lower-case letters, digits, . - and _')
  .describe('The name with which the person logs in.');
export const PersonRole = z
  .enum(personRoles)
  .describe(
    'manager sees their own chats and those of nobody. director sees all. admin also manages people, keys and settings. operator runs the system and sees no personal data.',
  );
export const LinkKind = z
  .string()
  .max(32)
  .regex(/^[a-z][a-z0-9_]*$/, '`key`, `identity`, or the name of a channel')
  .meta({ open: true })
  .describe(
    '`key`: the value is the id of an API key. `identity`: the digest of a user at the identity provider, which a refused log-in names. The name of a channel: the value is the user there.',
  );
const Link = z.object({ kind: LinkKind, value: z.string().max(64) });
const Person = z.object({
  personId: PersonId,
  name: z.string().max(100).meta({ pii: 'name' }),
  role: PersonRole,
  state: z
    .enum(['invited', 'active', 'disabled'])
    .describe(
      'invited: has neither a password nor a user at the identity provider yet. disabled: may not log in; nothing of theirs is lost.',
    ),
  hasSecondFactor: z.boolean(),
  createdAt: Timestamp,
  lastSeenAt: Timestamp.nullable().describe('Updated at most twice a minute.'),
  links: z.array(Link).max(20),
});
const Invited = Person.extend({
  deskUrl: z.url().max(300).describe('The address of the desk; the link is deskUrl/invite#TOKEN.'),
  expiresAt: Timestamp.describe('When the link ends.'),
});
const Session = z.object({
  sessionId: z.string().max(40),
  personId: PersonId,
  address: z.string().max(64).describe('The address from which the person logged in.'),
  program: z.string().max(200).describe('The browser, as it names itself.'),
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
  expiresAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
const tokenHash = z
  .string()
  .max(64)
  .regex(/^[0-9a-f]{64}$/, 'SHA-256 of the token, 64 hex digits')
  .describe('The digest of the token in the link: the token itself is known only to who made it and to who receives it.');
const onBehalfOf = OnBehalfOf.describe('The person or key that asks, as named by the gateway.');
const one = { personId: PersonId, onBehalfOf };
const roles = ['operator', 'gateway'] as const;
const admin = { people: ['admin'] as const, actor: 'onBehalfOf' };

export const people = contract('people', '1.0.0', {
  invite: method({
    summary: 'Add a person, with an invitation that is good once for 48 hours. They choose their password at /desk/invite#TOKEN.',
    input: z.strictObject({ ...one, name: z.string().trim().min(1).max(100).meta({ pii: 'name' }), role: PersonRole, tokenHash }),
    output: Invited,
    idempotency: 'idempotent',
    errors: { person_taken: 'conflict' },
    roles,
    http: { route: 'POST /api/v1/people', ...admin },
  }),
  list_people: method({
    summary: 'List people, by name.',
    input: z.strictObject({ role: PersonRole.optional(), ...PageInput }),
    output: pageOf(Person),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/people', people: ['director', 'admin'] },
  }),
  set_role: method({
    summary: 'Set the role of a person. Their sessions end.',
    input: z.strictObject({ ...one, role: PersonRole }),
    output: Person,
    idempotency: 'idempotent',
    errors: { last_admin: 'failed_precondition' },
    roles,
    http: { route: 'POST /api/v1/people/{personId}/role', ...admin },
  }),
  disable: method({
    summary: 'Disable a person: their sessions end within 5 seconds, and they cannot log in.',
    input: z.strictObject(one),
    output: Person,
    idempotency: 'idempotent',
    errors: { last_admin: 'failed_precondition' },
    roles,
    http: { route: 'POST /api/v1/people/{personId}/disable', ...admin },
  }),
  enable: method({
    summary: 'Let a disabled person log in again.',
    input: z.strictObject(one),
    output: Person,
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/people/{personId}/enable', ...admin },
  }),
  reset: method({
    summary:
      'Forget the password and the second factor of a person, end their sessions, and make a link with which they choose a new password.',
    input: z.strictObject({ ...one, tokenHash }),
    output: Invited,
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/people/{personId}/reset', ...admin },
  }),
  link: method({
    summary:
      'Link a person to their user in a channel, or to an API key: where two people must approve, they count as one. Or to their user at the identity provider, with which they log in.',
    input: z.strictObject({ ...one, ...Link.shape }),
    output: Person,
    idempotency: 'idempotent',
    errors: { link_taken: 'conflict' },
    roles,
    http: { route: 'POST /api/v1/people/{personId}/link', ...admin },
  }),
  unlink: method({
    summary: 'Remove the link of a person to a user in a channel or at the identity provider, or to an API key.',
    input: z.strictObject({ ...one, ...Link.shape }),
    output: Person,
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/people/{personId}/unlink', ...admin },
  }),
  list_sessions: method({
    summary: 'List sessions, newest first.',
    input: z.strictObject({
      personId: PersonId.optional(),
      isOpen: z.boolean().default(true).describe('Only sessions that have not ended.'),
      ...PageInput,
    }),
    output: pageOf(Session),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/people/sessions', people: ['admin'] },
  }),
  end_session: method({
    summary: 'End a session: its requests are refused and its open streams end within 5 seconds.',
    input: z.strictObject({ sessionId: Session.shape.sessionId, onBehalfOf }),
    output: Session,
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/people/sessions/{sessionId}/end', ...admin },
  }),
  permissions: method({
    summary: 'Which roles and which scopes of API keys may use each route.',
    input: z.strictObject({}),
    output: z.object({
      routes: z
        .array(
          z.object({
            route: Line,
            method: z.string().max(130),
            scope: z.enum(['none', 'read', 'send', 'admin']),
            people: z.array(PersonRole).max(personRoles.length),
            narrowed: z.boolean().describe('A manager is shown only their own chats and those of nobody.'),
            masked: z.array(PersonRole).max(personRoles.length).describe('Roles that are shown no names, phones and texts.'),
          }),
        )
        .max(2000),
    }),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/people/permissions', people: personRoles },
  }),
  session_ended: event({
    summary: 'A session ended: its person logged out, it was ended, or its person was disabled, reset or given another role.',
    payload: z.object({ sessionId: Session.shape.sessionId }),
    key: 'sessionId',
  }),
  person_linked: event({
    summary: 'A person was linked to a user in a channel or at the identity provider, or to an API key, or the link was removed.',
    payload: z.object({ personId: PersonId, ...Link.shape, isLinked: z.boolean(), at: Timestamp }),
    key: 'value',
  }),
});
