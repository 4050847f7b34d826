/** Management of people over the bus. */
import type { Commit, Database, HandlersOf } from '../../../bus/service.ts';
import { personRoles } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { people } from '../../../contracts/people.ts';
import { cursorAfter, placeAfter, seqForm } from '../cursor.ts';
import { type HttpRoute, isMaskedFor, type StreamRoute } from '../routes.ts';
import {
  changePerson,
  deleteLink,
  endSessions,
  findLogin,
  findPerson,
  forgetPassword,
  hasInvitation,
  insertInvitation,
  insertLink,
  insertPerson,
  listLogins,
  listPeople,
  type Person,
} from './rows.ts';

export interface PeopleParts {
  readonly db: Database;
  readonly commit: Commit;
  readonly routes: readonly (HttpRoute | StreamRoute)[];
  readonly idleMs: number;
  readonly deskUrl: string;
  readonly now: () => number;
  /** Informs every gateway that the session has ended. */
  readonly ended: (sessionId: string) => void;
}
/** A person by their login. */
const personForm = /^[a-z0-9_.-]{1,40}$/;
const invitationMs = 48 * 3_600_000;

export function peopleHandlers({ db, commit, routes, idleMs, deskUrl, now, ended }: PeopleParts): HandlersOf<typeof people> {
  async function change(personId: string, what: Parameters<typeof changePerson>[2], endsSessions: boolean): Promise<Person> {
    const { person, sessions } = await db.transaction(async (tx) => {
      const changed = await changePerson(tx, personId, what);
      if (changed === null) throw unknownPerson(personId);
      if (changed === 'last_admin')
        throw new PolybError('failed_precondition', `${personId} is the last admin; make another person admin first.`, {
          reason: 'last_admin',
        });
      return { person: changed, sessions: endsSessions ? await endSessions(tx, { personId }) : [] };
    });
    for (const sessionId of sessions) ended(sessionId);
    return person;
  }
  const invited = (expiresAt: Date, person: Person | null) => ({ ...existing(person), deskUrl, expiresAt: expiresAt.toISOString() });
  return {
    invite: ({ personId, name, role, tokenHash }) =>
      db.transaction(async (tx) => {
        const isNew = await insertPerson(tx, { personId, name, role });
        if (!isNew && !(await hasInvitation(tx, personId, tokenHash)))
          throw new PolybError('conflict', `There is another person ${personId}; polyb people reset ${personId} makes a new link.`, {
            reason: 'person_taken',
          });
        return invited(await insertInvitation(tx, personId, tokenHash, invitationMs), await findPerson(tx, personId));
      }),
    list_people: async ({ role, cursor, limit }) => {
      const { items, next } = await listPeople(db, { role, after: placeAfter(cursor, personForm), limit });
      return { items, nextCursor: cursorAfter(next) };
    },
    set_role: async ({ personId, role }) => change(personId, { role }, true),
    disable: async ({ personId }) => change(personId, { isDisabled: true }, true),
    enable: async ({ personId }) => change(personId, { isDisabled: false }, false),
    reset: async ({ personId, tokenHash }) => {
      const { reply, sessions } = await db.transaction(async (tx) => {
        if ((await findPerson(tx, personId)) === null) throw unknownPerson(personId);
        const isRepeat = await hasInvitation(tx, personId, tokenHash);
        if (!isRepeat) await forgetPassword(tx, personId);
        const expiresAt = await insertInvitation(tx, personId, tokenHash, invitationMs);
        return { reply: invited(expiresAt, await findPerson(tx, personId)), sessions: isRepeat ? [] : await endSessions(tx, { personId }) };
      });
      for (const sessionId of sessions) ended(sessionId);
      return reply;
    },
    link: ({ personId, kind, value }) =>
      commit(async (tx) => {
        if ((await findPerson(tx, personId)) === null) throw unknownPerson(personId);
        const owner = await insertLink(tx, { personId, kind, value });
        if (owner !== personId)
          throw new PolybError('conflict', `This ${kind} is linked to ${owner}; unlink it there first.`, { reason: 'link_taken' });
        tx.emit(people.person_linked, { personId, kind, value, isLinked: true, at: new Date(now()).toISOString() });
        return existing(await findPerson(tx, personId));
      }),
    unlink: ({ personId, kind, value }) =>
      commit(async (tx) => {
        if ((await findPerson(tx, personId)) === null) throw unknownPerson(personId);
        if (await deleteLink(tx, { personId, kind, value }))
          tx.emit(people.person_linked, { personId, kind, value, isLinked: false, at: new Date(now()).toISOString() });
        return existing(await findPerson(tx, personId));
      }),
    list_sessions: async ({ personId, isOpen, cursor, limit }) => {
      const before = placeAfter(cursor, seqForm);
      const { items, next } = await listLogins(db, { personId, isOpen, before, limit, idleMs });
      return { items, nextCursor: cursorAfter(next) };
    },
    end_session: async ({ sessionId }) => {
      for (const each of await endSessions(db, { sessionId })) ended(each);
      const session = await findLogin(db, sessionId);
      if (session === null) throw new PolybError('not_found', `There is no session ${sessionId}; polyb people sessions lists them.`);
      return session;
    },
    permissions: async () => ({
      routes: routes.map(({ verb, path, method, scope, people: roles }) => ({
        route: `${verb} ${path}`,
        method: method.address,
        scope,
        people: [...roles],
        narrowed: method.http?.viewer !== undefined,
        masked: personRoles.filter((role) => roles.includes(role) && isMaskedFor(role)),
      })),
    }),
  };
}

function existing(person: Person | null): Person {
  return person as Person; // Read in the transaction that has just found or made the person.
}
function unknownPerson(personId: string): PolybError {
  return new PolybError('not_found', `There is no person ${personId}; polyb people ls shows them.`);
}
