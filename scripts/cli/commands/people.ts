/** `polyb people`: people who log in. The token of a link is made here: the gateway gets its digest. */
import { createHash, randomBytes } from 'node:crypto';
import { askMethod } from '../kernel/ask.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';

interface Person {
  readonly personId: string;
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly hasSecondFactor: boolean;
  readonly lastSeenAt: string | null;
  readonly links: readonly { readonly kind: string; readonly value: string }[];
}
type Invited = Person & { readonly deskUrl: string; readonly expiresAt: string };
interface Session {
  readonly sessionId: string;
  readonly personId: string;
  readonly address: string;
  readonly program: string;
  readonly lastSeenAt: string;
  readonly endedAt: string | null;
}
interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
interface Permission {
  readonly route: string;
  readonly method: string;
  readonly scope: string;
  readonly people: readonly string[];
  readonly narrowed: boolean;
  readonly masked: readonly string[];
}

export async function invitePerson(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const personId = argument(invocation, 'people invite', 'a name to log in with, e.g. anna');
  return printLink(invocation, 'people.invite', { personId, name: flags.text('name') ?? personId, role: flags.text('role') ?? 'manager' });
}
export async function resetPerson(invocation: Invocation): Promise<number> {
  return printLink(invocation, 'people.reset', { personId: argument(invocation, 'people reset', 'a person') });
}
async function printLink(invocation: Invocation, method: string, input: object): Promise<number> {
  const { out } = invocation;
  const token = randomBytes(32).toString('base64url');
  const tokenHash = createHash('sha256').update(token).digest('hex');
  const invited = await askMethod<Invited>(invocation, method, { ...input, tokenHash });
  const link = `${invited.deskUrl}/invite#${token}`;
  await out.result({ personId: invited.personId, role: invited.role, link, expiresAt: invited.expiresAt }, { text: () => link });
  out.note(`give this link to ${invited.personId} (${invited.role}); it is good once, until ${out.time(invited.expiresAt)}`, 'ok');
  return 0;
}

export async function listPeople(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const page = await askMethod<Page<Person>>(invocation, 'people.list_people', {
    ...paging(invocation),
    ...given('role', flags.text('role')),
  });
  await out.result(page, {
    table: () => ({
      columns: ['PERSON', 'NAME', 'ROLE', 'STATE', 'APP', 'LAST SEEN', 'LINKS'],
      rows: page.items.map((each) => [
        each.personId,
        each.name,
        each.role,
        each.state,
        each.hasSecondFactor ? 'yes' : '',
        each.lastSeenAt === null ? '' : out.time(each.lastSeenAt),
        each.links.map(({ kind, value }) => `${kind}:${value}`).join(' '),
      ]),
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb people ls --cursor ${page.nextCursor}`);
  return 0;
}
export async function setRole(invocation: Invocation): Promise<number> {
  const [, role] = invocation.args;
  if (role === undefined)
    throw wrongUsage('expected a person and a role', { subject: 'people role', next: ['polyb people role anna director'] });
  return change(invocation, 'people.set_role', 'people role', { role });
}
export const disablePerson = (invocation: Invocation): Promise<number> => change(invocation, 'people.disable', 'people disable');
export const enablePerson = (invocation: Invocation): Promise<number> => change(invocation, 'people.enable', 'people enable');
export async function linkPerson(invocation: Invocation): Promise<number> {
  const [, kind, value] = /^([a-z][a-z0-9_]*):(.+)$/.exec(invocation.args[1] ?? '') ?? [];
  if (kind === undefined || value === undefined)
    throw wrongUsage('expected a person and KIND:VALUE', { subject: 'people link', next: ['polyb people link anna key:pk_3f9a1c2b7d40'] });
  return change(invocation, invocation.flags.on('remove') ? 'people.unlink' : 'people.link', 'people link', { kind, value });
}
async function change(invocation: Invocation, method: string, subject: string, more: object = {}): Promise<number> {
  const { out } = invocation;
  const changed = await askMethod<Person>(invocation, method, { personId: argument(invocation, subject, 'a person'), ...more });
  await out.result(changed, { text: () => `${changed.personId}  ${changed.role}  ${changed.state}` });
  return 0;
}

export async function listSessions(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const asked = { ...paging(invocation), ...given('personId', flags.text('person')), isOpen: !flags.on('all') };
  const page = await askMethod<Page<Session>>(invocation, 'people.list_sessions', asked);
  await out.result(page, {
    table: () => ({
      columns: ['SESSION', 'PERSON', 'ADDRESS', 'LAST SEEN', 'ENDED', 'PROGRAM'],
      rows: page.items.map((each) => [
        each.sessionId,
        each.personId,
        each.address,
        out.time(each.lastSeenAt),
        each.endedAt === null ? '' : out.time(each.endedAt),
        each.program,
      ]),
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb people sessions --cursor ${page.nextCursor}`);
  return 0;
}
export async function endSession(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const sessionId = argument(invocation, 'people end', 'a session');
  const ended = await askMethod<Session>(invocation, 'people.end_session', { sessionId });
  await out.result(ended, { text: () => `${ended.sessionId}  ended` });
  return 0;
}

export async function permissions(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { routes } = await askMethod<{ readonly routes: readonly Permission[] }>(invocation, 'people.permissions', {});
  await out.result(
    { routes },
    {
      table: () => ({
        columns: ['ROUTE', 'SCOPE', 'ROLES', 'NARROWED'],
        rows: routes.map(({ route, scope, people, masked, narrowed }) => [
          route,
          scope,
          scope === 'none' ? 'anyone' : people.map((role) => (masked.includes(role) ? `(${role})` : role)).join(' '),
          narrowed ? 'yes' : '',
        ]),
      }),
      items: routes,
    },
  );
  return 0;
}

function argument({ args }: Invocation, subject: string, expected: string): string {
  const [first] = args;
  if (first === undefined) throw wrongUsage(`expected ${expected}`, { subject, next: [`polyb ${subject} --help`] });
  return first;
}
function paging({ flags }: Invocation): object {
  return { ...given('limit', flags.whole('limit')), ...given('cursor', flags.text('cursor')) };
}
function given(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value };
}
