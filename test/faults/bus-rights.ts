/** What each bus user should be allowed, read from the contracts and the services a second time: what the configuration is checked against. */
import type { ServiceOnBus } from '../../bus/server/permissions.ts';
import { type Entry, settled } from '../../contracts/kit/define.ts';

export type Verb = 'publish' | 'subscribe';
export interface Rights {
  readonly users: readonly string[];
  /** Every subject that something in PolyB uses, and those that nothing may. */
  readonly subjects: readonly string[];
  may(user: string, verb: Verb, subject: string): boolean;
}

const verbs = ['PING', 'INFO', 'STATS'];
const foreign = [
  '$JS.API.INFO',
  '$JS.API.STREAM.CREATE.x',
  '$JS.ACK.x.y.1.1.1.1.1',
  '$SYS.REQ.SERVER.PING',
  '$SYS.ACCOUNT.POLYB.CONNECT',
  '$JSC.CI.x',
];
const wild = [
  '>',
  '*.>',
  'polyb.>',
  'polyb.*.>',
  'polyb.rpc.>',
  'polyb.rpc.*.*',
  'polyb.evt.>',
  'polyb.str.>',
  'polyb.ctl.*',
  '_INBOX.>',
  '_INBOX.*.>',
  '_INBOX.*.*.*',
  '$SRV.>',
  '$JS.>',
  '$SYS.>',
];
const elsewhere = [
  'other.rpc.crm.push_to_crm',
  'polyb',
  'polyb.rpc',
  'polyb.rpc.crm',
  'polyb.rpc.nobody.nothing',
  'polyb.evt.nobody.happened',
  'polyb.ctl.nobody',
];

export function rightsOf(services: readonly ServiceOnBus[]): Rights {
  const people = services.map(({ folder, serves, uses, discovers = false }) => {
    const own = Object.values(serves).flatMap((contract) => Object.values(contract));
    return { folder, own, uses, discovers, domains: new Set(own.map(({ service }) => service)) };
  });
  type Person = (typeof people)[number];
  const all = people.flatMap(({ own }) => own);
  const addressed = new Map(all.map((entry) => [entry.address, entry]));
  const isOpenTo = (role: string, entry: Entry): boolean => entry.kind !== 'event' && (entry.roles?.includes(role) ?? true);
  /** The entry that a subject calls, and in whose name; null when it names nobody. */
  const named = (domain: string, name: string, rest: readonly string[]): { entry: Entry; by: string | null } | undefined => {
    const entry = addressed.get(`${domain}.${name}`);
    const isOwned = entry !== undefined && entry.kind !== 'event' && entry.owner !== undefined;
    const [word, by, ...more] = rest.slice(isOwned ? 1 : 0);
    if (entry === undefined || entry.kind === 'event' || (isOwned && rest.length === 0) || more.length > 0) return undefined;
    return word === undefined ? { entry, by: null } : word === 'by' && by !== undefined ? { entry, by } : undefined;
  };
  const flows = ({ own, uses }: Person): boolean => [...own, ...uses].some(({ kind }) => kind === 'stream');
  const has = (list: readonly Entry[], address: string): boolean => list.some((entry) => entry.address === address);

  function folderMay(person: Person, verb: Verb, subject: string): boolean {
    const { folder, own, uses, domains, discovers } = person;
    const [root = '', kind = '', domain = '', name = '', ...rest] = subject.split('.');
    if (root === '_INBOX') return kind !== '' && (verb === 'publish' || (kind === folder && domain !== ''));
    if (root === '$SRV')
      return verb === 'publish'
        ? discovers && (subject === '$SRV.PING' || subject === '$SRV.STATS')
        : verbs.includes(kind) && (domain === '' ? domains.size > 0 : domains.has(domain)) && rest.length === 0;
    if (root !== 'polyb') return false;
    switch (kind) {
      case 'rpc': {
        const { entry, by } = named(domain, name, rest) ?? {};
        if (entry === undefined || entry.kind === 'event') return false;
        return verb === 'subscribe'
          ? own.includes(entry) && (by !== null || entry.roles === undefined)
          : by === folder && isOpenTo(folder, entry) && (own.includes(entry) || has(uses, entry.address));
      }
      case 'ctl':
        if (name !== '') return false;
        if (domains.has(domain)) return true;
        // What looks at all services asks each for its settings.
        return verb === 'publish' && (discovers || uses.some((used) => used.service === domain && used.kind !== 'event'));
      case 'evt': {
        if (domains.has(domain)) return name !== '';
        if (rest.length > 0) return false;
        const of = uses.find(({ address }) => address === `${domain}.${name.replace(/_queued$/, '')}`);
        return verb === 'publish'
          ? name.endsWith('_queued') && of?.kind === 'method' && of.idempotency === 'keyed'
          : uses.some((used) => used.kind === 'event' && used.address === `${domain}.${name}`);
      }
      case 'str':
        return flows(person) && (verb === 'publish' ? domain !== '' : domain === folder && name !== '');
      case 'tap': {
        const tapped = addressed.get(`${domain}.${name}`);
        return tapped?.kind === 'stream' && rest.length > 0 && (verb === 'publish' ? own.includes(tapped) : has(uses, tapped.address));
      }
      default:
        return false;
    }
  }
  function operatorMay(verb: Verb, subject: string): boolean {
    const [root, kind, domain = '', name = '', ...rest] = subject.split('.');
    if (verb === 'subscribe') {
      if (root === '_INBOX') return kind === 'operator';
      return (
        root === 'polyb' && domain !== '' && (kind === 'evt' || kind === 'tap' || (kind === 'str' && domain === 'operator' && name !== ''))
      );
    }
    if (root === '$SRV') return true;
    if (root !== 'polyb' || domain === '') return false;
    if (kind !== 'rpc') return kind === 'ctl' || kind === 'str';
    // Methods that are not of these services too: another may serve them.
    const isSigned = [rest, rest.slice(1)].some(([word, by, ...more]) => word === 'by' && by === 'operator' && more.length === 0);
    const { entry } = named(domain, name, rest) ?? {};
    return isSigned && (entry === undefined || isOpenTo('operator', entry));
  }
  function guestMay(verb: Verb, subject: string): boolean {
    const [root, kind = '', domain = '', name = '', ...rest] = subject.split('.');
    if (verb === 'subscribe') {
      // As `nats req` listens: at an inbox of nobody in particular.
      const isNobodys = !users.includes(kind) && name === '' && kind !== '';
      return root === '_INBOX' && (kind === 'guest' ? domain !== '' : isNobodys);
    }
    if (root === '$SRV') return (verbs as readonly string[]).includes(kind);
    const { entry, by } = (root === 'polyb' && kind === 'rpc' ? named(domain, name, rest) : undefined) ?? {};
    return by === null && entry?.kind === 'method' && entry.roles === undefined && entry.reaches === undefined;
  }
  function mayOne(user: string, verb: Verb, subject: string): boolean {
    if (/^\$(JS|SYS|JSC)\b/.test(subject)) return false;
    if (user === 'operator') return operatorMay(verb, subject);
    if (user === 'guest') return guestMay(verb, subject);
    if (user === 'all' && verb === 'subscribe' && subject.startsWith('_INBOX.all.')) return true;
    return people.some((person) => (user === 'all' || person.folder === user) && folderMay(person, verb, subject));
  }
  /** What a pattern covers, in words that nobody uses: whoever may hear it may hear each of these. */
  const covered = (subject: string): readonly string[] => {
    const word = subject.replaceAll('*', 'zz');
    return word.endsWith('>') ? [word.replace('>', 'zz'), word.replace('>', 'zz.zz'), word.replace('>', 'zz.zz.zz')] : [word];
  };
  const users = [...people.map(({ folder }) => folder), 'all', 'operator', 'guest'];
  return {
    users,
    subjects: [
      ...new Set([
        ...all.flatMap((entry) => subjectsOf(entry, users)),
        ...people
          .flatMap(({ domains }) => [...domains])
          .flatMap((domain) => [
            `polyb.ctl.${domain}`,
            ...verbs.flatMap((verb) => [`$SRV.${verb}.${domain}`, `$SRV.${verb}.${domain}.i1`]),
          ]),
        ...verbs.map((verb) => `$SRV.${verb}`),
        ...users.flatMap((user) => [`_INBOX.${user}.i.1`, `polyb.str.${user}.i.1j`]),
        ...[...foreign, ...wild, ...elsewhere],
      ]),
    ],
    may: (user, verb, subject) =>
      // Nats-server lets a guest's pattern pass that ends with `>` where `*` is allowed. It delivers nothing of others to it, which is tried by ear.
      (user === 'guest' && verb === 'subscribe' && /^_INBOX\.([^.]+\.)?>$/.test(subject) && !users.includes(subject.split('.')[1] ?? '')) ||
      covered(subject).every((one) => mayOne(user, verb, one)),
  };
}

/** All that goes out because the entry exists. */
function subjectsOf(entry: Entry, users: readonly string[]): readonly string[] {
  const { address } = entry;
  const called = (subject: string): readonly string[] => [subject, ...users.map((user) => `${subject}.by.${user}`)];
  switch (entry.kind) {
    case 'event':
      return [`polyb.evt.${address}`];
    case 'stream':
      return [...called(`polyb.rpc.${address}${entry.owner === undefined ? '' : '.owner1'}`), `polyb.tap.${address}.topic`];
    case 'method':
      return [
        ...called(`polyb.rpc.${address}${entry.owner === undefined ? '' : '.owner1'}`),
        `polyb.rpc.${address}${entry.owner === undefined ? '.more' : ''}`,
        ...(entry.idempotency === 'keyed' ? [`polyb.evt.${address}_queued`] : []),
        ...(entry.settles ? [`polyb.evt.${settled(entry).address}`] : []),
      ];
  }
}
