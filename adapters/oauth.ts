/**
 * Access tokens of connections. They are refreshed a minute early, by one process at a time, since a refresh token may be used only
 * once: a second use ends the connection until a person consents again.
 *
 * Source: facts of amoCRM and Bitrix24; RFC 6749, section 6.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Database, Deps, HttpAnswer } from './deps.ts';
import { type Grant, type OAuthProvider, requestTokens } from './oauth-request.ts';

import { type Account, type Problem, readState, type TokenPair, type TokenRow, tokenRows } from './oauth-rows.ts';

export type { OAuthProvider } from './oauth-request.ts';

export interface Access {
  readonly accessToken: string;
  readonly account: Account;
}
export interface TokenStore {
  /**
   * A valid access token. `rejected` is a token that the provider has refused: another one is returned.
   * @throws PolybError, always before the caller's own request: failed_precondition/reauthorise, unavailable/blocked,
   * resource_exhausted/rate_limited, unavailable, cancelled.
   */
  access(at: { readonly signal: AbortSignal; readonly rejected?: string | undefined }): Promise<Access>;
  /** Exchanges the code of a consent and stores the tokens. @throws PolybError failed_precondition/reauthorise for a used or expired code. */
  connect(consent: { readonly code: string; readonly account?: Account }, signal: AbortSignal): Promise<void>;
}
export type TokenStoreDeps = Pick<Deps, 'db' | 'now' | 'log' | 'connection' | 'secretKey'>;
/** For tests that cannot wait for the usual times. */
export interface TokenPace {
  /** Maximum time from the lock to the stored tokens. */
  readonly leaseMs: number;
  /** Maximum wait for another process; longer than the lease, so that the lock of a dead process is taken over. */
  readonly waitMs: number;
  readonly pollMs: number;
  readonly requestMs: number;
  readonly retryMs: number;
}
const usualPace: TokenPace = { leaseMs: 40_000, waitMs: 45_000, pollMs: 150, requestMs: 10_000, retryMs: 1_000 };

const earlyMs = 60_000;
/** How long this process uses a token without reading the row again: another account may have been connected. */
const rereadMs = 30_000;
const failingMs = 5_000;
/** A refused token is renewed once in this time: a new one that is refused too shows another cause. */
const renewalMs = 60_000;

export function tokenStore(
  provider: OAuthProvider,
  { db, now, log, connection, secretKey }: TokenStoreDeps,
  pace: TokenPace = usualPace,
): TokenStore {
  const { vendor } = provider;
  const rows = tokenRows(db, { connection, vendor, key: () => secretKey('tokens') });
  let known: { readonly access: Access; readonly until: number } | undefined;
  /** When this process renewed a refused token. */
  let renewedAt = Number.NEGATIVE_INFINITY;
  /** Refreshes of this process, by the token that the provider has refused. */
  const inFlight = new Map<string | undefined, Promise<Access>>();

  const ask = (grant: Grant, account: Account) =>
    requestTokens(provider, grant, account, { now, timeoutMs: pace.requestMs, retryMs: pace.retryMs });
  const reauthorise = (why: string) =>
    new PolybError('failed_precondition', `${why}. Connect ${vendor} again: polyb crm connect ${vendor}.`, { reason: 'reauthorise' });
  const failureOf = ({ code, reason, message }: Problem, untilMs: number) =>
    new PolybError(code, message, { reason, outcome: 'not_executed', retryAfterMs: Math.max(0, untilMs - now()) });

  /** The row's access token if it may be used; undefined if it must be refreshed first. */
  function usable(row: TokenRow | undefined, rejected: string | undefined): Access | undefined {
    if (row === undefined) throw reauthorise(`Connection ${connection} has no tokens`);
    if (row.state === 'needs_reauthorisation') throw reauthorise(`Connection ${connection} is no longer authorised`);
    if (row.tokens === null)
      throw reauthorise(`The tokens of connection ${connection} were stored with another key; restore POLYB_SECRET_KEY_FILE`);
    const access = accessOf(row, row.tokens);
    const isRejected = access.accessToken === rejected;
    const dueAt = row.expiresAt - Math.min(earlyMs, (row.expiresAt - row.issuedAt) / 2);
    if (!isRejected && now() < dueAt) {
      known = { access, until: Math.min(dueAt, now() + rereadMs) };
      return access;
    }
    if (row.heldUntil !== null && row.problem !== null && now() < row.heldUntil) {
      if (!isRejected && now() < row.expiresAt) return access;
      throw failureOf(row.problem, row.heldUntil);
    }
    if (isRejected && Math.abs(now() - renewedAt) < renewalMs)
      throw new PolybError(
        'failed_precondition',
        `${vendor} refuses a token that it has just issued; check the rights of the integration.`,
        {
          reason: 'upstream_credentials',
        },
      );
    return undefined;
  }

  async function current(rejected: string | undefined): Promise<Access> {
    const giveUpAt = performance.now() + pace.waitMs;
    for (let isOver = false; ; isOver = performance.now() >= giveUpAt) {
      const row = await rows.read();
      const ready = usable(row, rejected);
      if (ready !== undefined) return ready;
      // Read once more above: the other process may have stored its tokens at the last moment.
      if (isOver)
        throw new PolybError('unavailable', `Another process takes too long to refresh the tokens of ${vendor}; try again.`, {
          retryAfterMs: pace.retryMs,
        });
      const owner = randomUUID();
      const locked = await rows.lock(owner, pace.leaseMs);
      if (locked !== undefined) {
        try {
          const ready = usable(locked, rejected);
          if (ready !== undefined) return ready;
          if (rejected !== undefined) renewedAt = now();
          const fresh = await refresh(locked);
          if (fresh !== undefined) return fresh;
        } finally {
          await rows
            .unlock(owner)
            .catch((error: unknown) => log.warn({ err: error, connection }, 'the lock of tokens was left to its lease'));
        }
        continue;
      }
      // Another process refreshes it: until it expires, the token is good.
      if (row?.tokens && row.tokens.accessToken !== rejected && now() < row.expiresAt) return accessOf(row, row.tokens);
      await delay(pace.pollMs);
    }
  }

  /** Undefined if the row says more now: others have stored tokens, or it states why there are none. */
  async function refresh(row: TokenRow): Promise<Access | undefined> {
    if (row.tokens === null) return undefined;
    const { version, account, tokens } = row;
    const grant = { type: 'refresh_token', refreshToken: tokens.refreshToken } as const;
    let verdict = await ask(grant, account);
    if (verdict.is === 'unclear' && verdict.retryAfterMs <= 3 * pace.retryMs) {
      // It is unknown whether the token was used.
      await delay(verdict.retryAfterMs);
      if ((await rows.read())?.version !== version) return undefined;
      verdict = await ask(grant, account);
    }
    switch (verdict.is) {
      case 'issued': {
        const { fresh } = verdict;
        if (!(await persisted(() => rows.replace(version, fresh)))) return undefined;
        log.info({ connection, vendor }, 'the access token was refreshed');
        const access = accessOf(fresh, fresh);
        known = undefined;
        return access;
      }
      case 'refused':
        log.error({ connection, vendor, status: verdict.status }, 'the refresh token is dead; a person must connect again');
        await rows.mark(version, { state: 'needs_reauthorisation', heldUntil: null, problem: null });
        return undefined;
      case 'blocked':
        log.error({ connection, vendor, status: verdict.status }, 'the provider blocks this address; tokens are kept');
        await rows.mark(version, { state: 'blocked', heldUntil: now() + verdict.retryAfterMs, problem: verdict.problem });
        return undefined;
      case 'held':
      case 'unclear':
        log.warn({ connection, vendor, problem: verdict.problem.message }, 'the access token could not be refreshed');
        await rows.mark(version, { state: 'ok', heldUntil: now() + Math.max(failingMs, verdict.retryAfterMs), problem: verdict.problem });
        return undefined;
    }
  }
  /** The provider forgets the former refresh token with its reply, so the new one is worth several tries. */
  async function persisted(write: () => Promise<boolean>): Promise<boolean> {
    for (let tries = 1; ; tries += 1)
      try {
        return await write();
      } catch (error) {
        if (tries === 10) throw error;
        await delay(pace.retryMs);
      }
  }

  return {
    async access({ signal, rejected }) {
      // A rejected token is sent no more, also if no other one can be had.
      if (known?.access.accessToken === rejected) known = undefined;
      if (known !== undefined && now() < known.until) return known.access;
      const shared = inFlight.get(rejected) ?? current(rejected).finally(() => inFlight.delete(rejected));
      inFlight.set(rejected, shared);
      return untilAborted(shared, signal);
    },
    async connect({ code, account = {} }, signal) {
      const verdict = await untilAborted(ask({ type: 'authorization_code', code }, account), signal);
      if (verdict.is === 'issued') {
        const { fresh } = verdict;
        await persisted(() => rows.store(fresh).then(() => true));
        known = undefined;
      } else if (verdict.is === 'refused') throw reauthorise(`${vendor} refuses the code of the consent: it is used or too old`);
      else throw failureOf(verdict.problem, now() + verdict.retryAfterMs);
    },
  };
}

/** The consent of a person, by which a connection gets its tokens. */
export interface Consent {
  /** Where the provider leads the person back to. */
  readonly redirectUri: string;
  /** The page where the person consents. `state` comes back with the callback. */
  url(state: string): string;
  /**
   * Takes the query of the callback, exchanges its code and stores the tokens.
   * @throws PolybError failed_precondition/reauthorise for a callback of another request or account, or a used code.
   */
  accept(callback: Readonly<Record<string, string>>, state: string, signal: AbortSignal): Promise<void>;
}

export interface ConnectionState {
  readonly state: 'ok' | 'needs_reauthorisation' | 'blocked';
  /** Until when the connection is blocked, in Unix ms. */
  readonly until: number | null;
  readonly account: Account;
}
/** The state of a connection's tokens; without any, a person must connect. */
export async function connectionState(
  db: Database,
  { connection, vendor }: { readonly connection: string; readonly vendor: string },
  now: () => number,
): Promise<ConnectionState> {
  const row = await readState(db, { connection, vendor });
  if (row === undefined) return { state: 'needs_reauthorisation', until: null, account: {} };
  const { state, heldUntil, account } = row;
  if (state !== 'blocked') return { state, until: null, account };
  return heldUntil !== null && now() < heldUntil ? { state, until: heldUntil, account } : { state: 'ok', until: null, account };
}

/** Sends a request with a valid access token, and once more with a new one if the provider refuses the first. */
export async function withAccess(
  tokens: Pick<TokenStore, 'access'>,
  signal: AbortSignal,
  send: (access: Access) => Promise<HttpAnswer>,
  isRejected: (answer: HttpAnswer) => boolean = ({ status }) => status === 401,
): Promise<HttpAnswer> {
  const access = await tokens.access({ signal });
  const answer = await send(access);
  if (!isRejected(answer)) return answer;
  return send(await tokens.access({ signal, rejected: access.accessToken }));
}

const accessOf = ({ account }: Pick<TokenRow, 'account'>, { accessToken }: TokenPair): Access => ({ accessToken, account });

/** The work goes on for the other callers: what the provider has issued must be stored. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = () =>
    reject(new PolybError('cancelled', 'The caller gave up while the access token was refreshed.', { outcome: 'not_executed' }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  work.then(resolve, reject);
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}
