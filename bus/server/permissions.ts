/**
 * Permissions to publish and subscribe, from the contracts and each service's `serves` and `uses`. The bus server enforces them:
 * a header never grants anything, and a user calls under its own name only (subjects.ts), so the subject
 * proves the caller. A reply may go to any inbox and only the inbox's owner may read it: no user can pass a call off as a reply
 * (`allow_responses` would permit that, because publish rules do not bind it) or read the replies of another.
 */
import type { Entry, Method, Stream } from '../../contracts/kit/define.ts';
import { isLoopback } from '../../contracts/kit/loopback.ts';
import type { Service } from '../service.ts';
import { callSubject, guestUser, signature } from '../wire/subjects.ts';

export interface Rules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}
export interface BusUser {
  readonly name: string;
  readonly publish: Rules;
  readonly subscribe: Rules;
}
export type ServiceOnBus = Pick<Service, 'serves' | 'uses'> & { readonly folder: string; readonly discovers?: boolean };

/** The command line and the pages. */
export const operatorUser = 'operator';
/** All services in one process over one connection. */
export const allUser = 'all';

const discovery = ['$SRV.PING', '$SRV.INFO', '$SRV.STATS'];

/** PolyB uses neither JetStream nor the system account; on old servers JetStream reaches into other accounts. */
const denied = ['$JS.>', '$SYS.>'];

/** One user for each service folder, then `all`, `operator` and `guest`. */
export function permissions(services: readonly ServiceOnBus[], prefix = 'polyb'): readonly BusUser[] {
  const served = services.flatMap(({ serves }) => entriesOf(serves));
  const folders = services.map((service) => folderUser(service, prefix));
  const known = [...folders, union(allUser, folders), operator(served, prefix)];
  return [
    ...known,
    guest(
      served,
      known.map(({ name }) => name),
      prefix,
    ),
  ];
}

function folderUser({ folder, serves, uses, discovers = false }: ServiceOnBus, prefix: string): BusUser {
  const own = entriesOf(serves);
  const all = [...own, ...uses];
  const domains = distinct(own.map(({ service }) => service));
  const streams = all.some(isStream) ? [`${prefix}.str`] : [];
  return user(folder, {
    publish: [
      '_INBOX.>',
      ...all.filter(isCallable).flatMap((entry) => (mayCall(folder, entry) ? [callPattern(entry, prefix) + signature(folder)] : [])),
      ...all.filter(isCallable).map(({ service }) => `${prefix}.ctl.${service}`),
      ...domains.map((domain) => `${prefix}.evt.${domain}.>`),
      // The wake-up of the method's service by `tx.send`.
      ...uses.filter(isKeyed).map(({ address }) => `${prefix}.evt.${address}_queued`),
      ...streams.map((subject) => `${subject}.>`),
      ...own.filter(isStream).map(({ address }) => `${prefix}.tap.${address}.>`),
      ...(discovers ? ['$SRV.PING', '$SRV.STATS', `${prefix}.ctl.*`] : []),
    ],
    subscribe: [
      `_INBOX.${folder}.>`,
      ...own.filter(isCallable).flatMap((entry) => heardPatterns(entry, prefix)),
      ...domains.flatMap((domain) => [
        `${prefix}.ctl.${domain}`,
        `${prefix}.evt.${domain}.>`,
        ...discovery.flatMap((subject) => [subject, `${subject}.${domain}`, `${subject}.${domain}.*`]),
      ]),
      ...uses.filter(({ kind }) => kind === 'event').map(({ address }) => `${prefix}.evt.${address}`),
      ...streams.map((subject) => `${subject}.${folder}.>`),
      ...uses.filter(isStream).map(({ address }) => `${prefix}.tap.${address}.>`),
    ],
  });
}

function operator(served: readonly Entry[], prefix: string): BusUser {
  const closed = served.filter(isCallable).filter((entry) => !mayCall(operatorUser, entry));
  const signed = signature(operatorUser);
  return user(operatorUser, {
    publish: [`${prefix}.rpc.*.*${signed}`, `${prefix}.rpc.*.*.*${signed}`, `${prefix}.ctl.>`, `${prefix}.str.>`, '$SRV.>'],
    subscribe: [`_INBOX.${operatorUser}.>`, `${prefix}.str.${operatorUser}.>`, `${prefix}.evt.>`, `${prefix}.tap.>`],
    mayNotPublish: closed.map((entry) => callPattern(entry, prefix) + signed),
  });
}

function guest(served: readonly Entry[], others: readonly string[], prefix: string): BusUser {
  const open = served.filter((entry) => entry.kind === 'method' && entry.roles === undefined && entry.reaches === undefined);
  return user(guestUser, {
    publish: [
      ...open.filter(isCallable).map((entry) => callPattern(entry, prefix)),
      ...discovery.flatMap((subject) => [subject, `${subject}.>`]),
    ],
    // Two or three tokens deep, as `nats req` listens. The server lets `_INBOX.>` pass for `_INBOX.*`, so the inboxes of other users are denied by name.
    subscribe: [`_INBOX.${guestUser}.>`, '_INBOX.*', '_INBOX.*.*'],
    mayNotSubscribe: others.map((name) => `_INBOX.${name}.>`),
  });
}

function union(name: string, users: readonly BusUser[]): BusUser {
  return user(name, {
    publish: users.flatMap(({ publish }) => publish.allow),
    subscribe: [`_INBOX.${name}.>`, ...users.flatMap(({ subscribe }) => subscribe.allow)],
  });
}

interface Subjects {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly mayNotPublish?: readonly string[];
  readonly mayNotSubscribe?: readonly string[];
}
function user(name: string, { publish, subscribe, mayNotPublish = [], mayNotSubscribe = [] }: Subjects): BusUser {
  return {
    name,
    publish: { allow: distinct(publish), deny: distinct([...denied, ...mayNotPublish]) },
    subscribe: { allow: distinct(subscribe), deny: distinct([...denied, ...mayNotSubscribe]) },
  };
}

/** The subject of a method or of a stream's opening, without the caller's name. */
function callPattern(entry: Method | Stream, prefix: string): string {
  const subject = callSubject(prefix, entry);
  return entry.owner === undefined ? subject : `${subject}.*`;
}
/** The bare subject proves no caller, so entries with `roles` are not served there. */
function heardPatterns(entry: Method | Stream, prefix: string): readonly string[] {
  const subject = callPattern(entry, prefix);
  return [...(entry.roles === undefined ? [subject] : []), subject + signature('*')];
}
function mayCall(role: string, { roles }: Method | Stream): boolean {
  return roles === undefined || roles.includes(role);
}
function entriesOf(serves: Service['serves']): readonly Entry[] {
  return Object.values(serves).flatMap((contract) => Object.values(contract));
}
function isStream(entry: Entry): entry is Stream {
  return entry.kind === 'stream';
}
function isCallable(entry: Entry): entry is Method | Stream {
  return entry.kind !== 'event';
}
function isKeyed(entry: Entry): entry is Method {
  return entry.kind === 'method' && entry.idempotency === 'keyed';
}
function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** Credentials of a user. An nkey is the public one, `U…`. */
export type Credential = { readonly password: string } | { readonly nkey: string };
export interface NatsConfigOptions {
  /** By user name. A user without credentials is left out, except the no-auth user. */
  readonly credentials: Readonly<Record<string, Credential>>;
  /** The user of connections without credentials; only on loopback. */
  readonly noAuthUser?: string | undefined;
  /** Left out, with `port`, where another file sets them. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

/** The configuration of a nats-server: its limits, and every user in one account. Monitoring and JetStream stay off. */
export function natsConfig(users: readonly BusUser[], { credentials, noAuthUser, host, port }: NatsConfigOptions): string {
  if (noAuthUser !== undefined && host !== undefined && !isLoopback(host))
    throw new TypeError(`${noAuthUser} may connect without credentials, so the server must listen on loopback, not on ${host}`);
  const known = users.flatMap((each) => {
    const credential = credentials[each.name] ?? (each.name === noAuthUser ? { password: '' } : undefined);
    return credential ? [userText(each, credential)] : [];
  });
  return [
    ...(host === undefined ? [] : [`host: ${text(host)}`]),
    ...(port === undefined ? [] : [`port: ${port}`]),
    'max_payload: 1MB',
    'max_pending: 16MB',
    'ping_interval: "10s"',
    'write_deadline: "2s"',
    ...(noAuthUser === undefined ? [] : [`no_auth_user: ${text(noAuthUser)}`]),
    `accounts {\n  POLYB {\n    users [\n${known.join('\n')}\n    ]\n  }\n}\n`,
  ].join('\n');
}

/**
 * Users who may also do what a former configuration, made by `natsConfig`, allowed them.
 * @param names users whose processes run former code.
 */
export function withFormerRights(users: readonly BusUser[], former: string, names: readonly string[]): readonly BusUser[] {
  const listed = /user: "([^"]+)"[^\n]*\n[^\n]*\n *publish \{ allow: (\[[^\]]*\])[^\n]*\n *subscribe \{ allow: (\[[^\]]*\])/g;
  const rights = new Map(
    [...former.matchAll(listed)].map(([, name = '', ...lists]) => [name, lists.map((list) => JSON.parse(list) as string[])]),
  );
  const also = ({ allow, deny }: Rules, more: readonly string[] = []): Rules => ({ allow: distinct([...allow, ...more]), deny });
  return users.map((each) => {
    const [publish, subscribe] = names.includes(each.name) ? (rights.get(each.name) ?? []) : [];
    return { name: each.name, publish: also(each.publish, publish), subscribe: also(each.subscribe, subscribe) };
  });
}

function userText({ name, publish, subscribe }: BusUser, credential: Credential): string {
  const who = 'nkey' in credential ? `nkey: ${text(credential.nkey)}` : `user: ${text(name)}, password: ${text(credential.password)}`;
  return `      {\n        ${who}\n        permissions {\n          publish { ${rules(publish)} }\n          subscribe { ${rules(subscribe)} }\n        }\n      }`;
}
function rules({ allow, deny }: Rules): string {
  if (allow.length === 0) return 'deny: [">"]'; // the server ignores an empty list
  return `allow: [${allow.map(text).join(', ')}], deny: [${deny.map(text).join(', ')}]`;
}
/** A quoted string. Characters that need an escape are refused: the server's escapes are not those of JSON. */
function text(value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value) || /["\\]/.test(value))
    throw new TypeError('a name or password has a character that cannot be written');
  return `"${value}"`;
}
