/** Who may log in: name, password and, where it is set up, a code. Every refusal has the same words and takes the same time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cache, Limit } from '../../../adapters/cache/port.ts';
import { seal, unseal } from '../../../adapters/seal.ts';
import type { Database } from '../../../bus/service.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { SecretKey } from '../../../contracts/kit/ports.ts';
import type { Passwords } from './password.ts';
import {
  type Credentials,
  confirmSecondFactor,
  findCredentials,
  isKnownAddress,
  proposeSecondFactor,
  useRecoveryCode,
  useStep,
} from './rows.ts';
import { newRecoveryCodes, newSecret, otpauth, recoveryDigest, stepOf } from './second-factor.ts';

export interface LogInParts {
  readonly db: Database;
  readonly cache: Cache;
  readonly passwords: Passwords;
  readonly secretKey: SecretKey;
  readonly now: () => number;
}
export interface Attempt {
  readonly login: string;
  readonly password: string;
  readonly code: string | undefined;
  readonly address: string;
}
/** Tries of one person from one address; those from other addresses are not counted. */
const tries: Limit = { limit: 10, windowMs: 15 * 60_000 };
/** Tries from one address, for any person. */
const triesOfAddress: Limit = { limit: 60, windowMs: 15 * 60_000 };
/** Tries for one person from addresses from which they never logged in: a guesser with many addresses does not lock the person out. */
const triesOfStrangers: Limit = { limit: 50, windowMs: 60 * 60_000 };
/** A refusal takes at least this long, with or without a digest. */
const refusalMs = 400;

export interface LogIn {
  /** @throws PolybError unauthenticated, in the same words whatever was wrong; resource_exhausted where too many wait. */
  check(attempt: Attempt): Promise<Credentials>;
  /** @throws PolybError resource_exhausted after too many wrong ones: an open page is no way around the limits. */
  isPassword(attempt: Omit<Attempt, 'code'>): Promise<boolean>;
  /** A secret that is in force after `confirm`; the earlier one stays until then. */
  propose(personId: string): Promise<{ readonly secret: string; readonly uri: string }>;
  /** The recovery codes. @throws PolybError invalid_argument/wrong_code. */
  confirm(personId: string, code: string): Promise<readonly string[]>;
}

export function createLogIn({ db, cache, passwords, secretKey, now }: LogInParts): LogIn {
  const sealingKey = (): Uint8Array => secretKey('second_factor');

  async function mayTry({ login, address }: Pick<Attempt, 'login' | 'address'>): Promise<boolean> {
    const takes = [
      cache.take(`login:${login}:${address}`, tries),
      cache.take(`login:${address}`, triesOfAddress),
      ...((await isKnownAddress(db, login, address)) ? [] : [cache.take(`login-strangers:${login}`, triesOfStrangers)]),
    ];
    return (await Promise.all(takes)).every(({ isAllowed }) => isAllowed);
  }
  async function isCode({ personId, secondFactor, usedStep }: Credentials, code: string | undefined): Promise<boolean> {
    if (secondFactor === null) return true;
    if (code === undefined) return false;
    const secret = opened(secondFactor, personId);
    const step = secret === null ? null : stepOf(code, secret, now(), usedStep);
    return step === null ? useRecoveryCode(db, personId, recoveryDigest(code)) : useStep(db, personId, step);
  }
  function opened(sealed: Buffer, personId: string): Buffer | null {
    const text = unseal(sealed, sealingKey(), place(personId));
    return text === null ? null : Buffer.from(text, 'base64');
  }
  async function verdict(attempt: Attempt): Promise<Credentials | null> {
    if (!(await mayTry(attempt))) return null;
    const found = await findCredentials(db, attempt.login);
    const isRight = await passwords.matches(attempt.password, found?.passwordHash ?? null);
    return isRight && found !== null && !found.isDisabled && (await isCode(found, attempt.code)) ? found : null;
  }

  return {
    async check(attempt) {
      const least = delay(refusalMs);
      const found = await verdict(attempt);
      if (found !== null) return found;
      await least;
      throw new PolybError(
        'unauthenticated',
        'The name, the password or the code is wrong, or there were too many tries; try again later.',
        {
          reason: 'log_in_refused',
        },
      );
    },
    async isPassword(attempt) {
      if (!(await mayTry(attempt)))
        throw new PolybError('resource_exhausted', 'Too many tries; try again later.', { reason: 'rate_limited', retryAfterMs: 60_000 });
      return passwords.matches(attempt.password, (await findCredentials(db, attempt.login))?.passwordHash ?? null);
    },
    async propose(personId) {
      const secret = newSecret();
      await proposeSecondFactor(db, personId, seal(secret.toString('base64'), sealingKey(), place(personId)));
      const uri = otpauth(personId, secret);
      return { secret: new URL(uri).searchParams.get('secret') ?? '', uri };
    },
    async confirm(personId, code) {
      const found = await findCredentials(db, personId);
      const pending = found?.pendingSecondFactor ?? null;
      const secret = pending === null ? null : opened(pending, personId);
      const step = secret === null ? null : stepOf(code, secret, now(), 0);
      if (step === null)
        throw new PolybError('invalid_argument', 'The code is wrong; use the newest one that the app shows.', { reason: 'wrong_code' });
      const codes = newRecoveryCodes();
      await confirmSecondFactor(db, personId, step, codes.map(recoveryDigest));
      return codes;
    },
  };
}

const place = (personId: string): string => `gateway.people/${personId}/second_factor`;
