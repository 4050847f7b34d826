/** Logging in through the identity provider: the attempt that the browser keeps, and the person whom the provider names. */
import { randomBytes } from 'node:crypto';
import type { Cache, Limit } from '../../../adapters/cache/port.ts';
import type { IdentityProvider, LogInSecrets, ProvidedPerson } from '../../../adapters/identity/port.ts';
import { seal, unseal } from '../../../adapters/seal.ts';
import type { Commit, Tx } from '../../../bus/service.ts';
import type { PersonRole } from '../../../contracts/kit/define.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { SecretKey } from '../../../contracts/kit/ports.ts';
import { people } from '../../../contracts/people.ts';
import { findProvided, setProvidedRole } from './provided-rows.ts';
import { type Credentials, endSessions, identityKind, insertLink, insertPerson } from './rows.ts';

export interface ProviderLogInParts {
  readonly provider: IdentityProvider;
  readonly commit: Commit;
  readonly cache: Cache;
  readonly secretKey: SecretKey;
  readonly now: () => number;
  /** The address at which the provider sends the browser back. */
  readonly returnTo: string;
}
/** Kept by the browser that began the log-in, encrypted: another browser cannot end it. */
export interface LogInAttempt extends LogInSecrets {
  /** The page of the desk to show then. */
  readonly to: string;
  /** Unix ms. */
  readonly until: number;
}
export interface Provided {
  readonly person: Pick<Credentials, 'personId' | 'role'>;
  /** The person was added by this log-in. */
  readonly isNew: boolean;
  /** Their role until now, if the provider has given them another. */
  readonly formerRole: PersonRole | null;
  /** Sessions that ended with it. */
  readonly ended: readonly string[];
  /** The provider gives the person no role any more. */
  readonly refusal?: PolybError;
}
/** Whom a refusal is about, in its `data`. */
export interface RefusedPerson {
  /** Their login, as the provider names it if they are not known here. */
  readonly person: string | null;
  readonly identity: string;
}
export interface ProviderLogIn {
  /** @throws PolybError resource_exhausted/rate_limited. */
  mayTry(address: string): Promise<void>;
  /** @returns The address of the provider's page, and the attempt as the browser keeps it. */
  begin(to: string): Promise<{ readonly address: string; readonly kept: string }>;
  /** Null unless it was begun here. */
  attemptIn(kept: string): LogInAttempt | null;
  /** @param search The query with which the browser came back. @throws PolybError with the reason of the refusal. */
  finish(attempt: LogInAttempt | null, search: string): Promise<Provided>;
}

export const attemptMs = 10 * 60_000;
/** Of one address, through which a whole office may log in. */
const tries: Limit = { limit: 300, windowMs: 15 * 60_000 };
const once: Limit = { limit: 1, windowMs: attemptMs };
const place = 'gateway.log_in';

export function createProviderLogIn({ provider, commit, cache, secretKey, now, returnTo }: ProviderLogInParts): ProviderLogIn {
  const key = secretKey('log_in');

  async function personOf(tx: Tx, proved: ProvidedPerson): Promise<Provided> {
    const known = await findProvided(tx, proved.identity);
    return known === null ? added(tx, proved) : updated(tx, known, proved);
  }
  async function added(tx: Tx, proved: ProvidedPerson): Promise<Provided> {
    const { identity, login, name, role } = proved;
    if (role === null) throw refusalOf('no_role', { person: login, identity });
    if (login === null) throw refusalOf('no_login', { person: null, identity });
    if (!(await insertPerson(tx, { personId: login, name: name ?? login, role }))) {
      // Another log-in of the same person may have added them just now.
      const known = await findProvided(tx, identity);
      if (known === null) throw refusalOf('login_taken', { person: login, identity });
      return updated(tx, known, proved);
    }
    const link = { personId: login, kind: identityKind, value: identity };
    await insertLink(tx, link);
    tx.emit(people.person_linked, { ...link, isLinked: true, at: new Date(now()).toISOString() });
    return { person: { personId: login, role }, isNew: true, formerRole: null, ended: [] };
  }
  async function updated(tx: Tx, known: Credentials, { identity, role }: ProvidedPerson): Promise<Provided> {
    const { personId } = known;
    const same = { person: known, isNew: false, formerRole: null, ended: [] };
    if (known.isDisabled) throw refusalOf('person_disabled', { person: personId, identity });
    if (role === known.role) return same;
    const ended = await endSessions(tx, { personId });
    if (role === null) return { ...same, ended, refusal: refusalOf('no_role', { person: personId, identity }) };
    await setProvidedRole(tx, personId, role);
    return { ...same, person: { personId, role }, formerRole: known.role, ended };
  }

  return {
    async mayTry(address) {
      const { isAllowed, retryAfterMs } = await cache.take(`log-in-provider:${address}`, tries);
      if (!isAllowed)
        throw new PolybError('resource_exhausted', 'Too many tries; try again later.', { reason: 'rate_limited', retryAfterMs });
    },
    async begin(to) {
      const secrets = { state: random(), nonce: random(), verifier: random() };
      const attempt: LogInAttempt = { ...secrets, to, until: now() + attemptMs };
      const address = await provider.start(secrets, returnTo);
      return { address, kept: seal(JSON.stringify(attempt), key, place).toString('base64url') };
    },
    attemptIn(kept) {
      const text = unseal(Buffer.from(kept, 'base64url'), key, place);
      return text === null ? null : (JSON.parse(text) as LogInAttempt); // Sealed by `begin`.
    },
    async finish(attempt, search) {
      const returned = new URL(returnTo);
      returned.search = search;
      const isMine = attempt !== null && attempt.until > now() && returned.searchParams.get('state') === attempt.state;
      if (!isMine || !(await cache.take(`log-in:${attempt.state}`, once)).isAllowed) throw lost();
      const proved = await provider.finish(attempt, returned);
      return commit((tx) => personOf(tx, proved));
    },
  };
}

/** 256 random bits. */
const random = (): string => randomBytes(32).toString('base64url');

function lost(): PolybError {
  return new PolybError(
    'failed_precondition',
    `This log-in was begun in another browser, is more than ${attemptMs / 60_000} minutes old, or has ended; begin it again.`,
    { reason: 'log_in_lost' },
  );
}
const refusals = {
  no_role: ['permission_denied', 'The identity provider gives this person no role that OIDC_ROLES names; its administrator can.'],
  no_login: [
    'failed_precondition',
    'The identity provider names no login of lower-case letters, digits, . - and _ for this person; its administrator can.',
  ],
  login_taken: [
    'conflict',
    'Another person here has this login. If they are the same, an admin may link them: polyb people link PERSON identity:…',
  ],
  person_disabled: ['permission_denied', 'This person is disabled here; an admin may enable them: polyb people enable PERSON.'],
} as const;
function refusalOf(reason: keyof typeof refusals, data: RefusedPerson): PolybError {
  const [code, message] = refusals[reason];
  return new PolybError(code, message, { reason, data });
}
