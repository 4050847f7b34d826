/** Tokens of the application of the fake Bitrix24. Source: b24restdocs, settings/oauth. */
import { randomBytes } from 'node:crypto';
import { type FakeReply, type FakeRequest, Refusal } from '../../fake-server.ts';
import { refused } from './fake-items.ts';

export interface Tokens {
  /** A pair, as consent brings it. */
  issue(): { readonly accessToken: string; readonly refreshToken: string };
  /** How many pairs were issued for a refresh token. */
  refreshes(): number;
  /** Ends every access token. */
  expire(): void;
  /** Ends every refresh token too, as the removal of the application does. */
  revoke(): void;
  serve(request: FakeRequest): FakeReply;
  /** @throws Refusal 401. */
  check(token: unknown): void;
}
const lifeMs = 3_600_000;

export function bitrixTokens({
  now,
  clientId,
  clientSecret,
  redirectUri,
  userId,
  endpoint,
}: {
  readonly now: () => number;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
  readonly userId: number;
  readonly endpoint: () => string;
}): Tokens {
  /** Access tokens and the time of their end. */
  const access = new Map<string, number>();
  const refresh = new Set<string>();
  /** Codes live 30 s. */
  const codes = new Map<string, number>();
  let refreshes = 0;

  const issue = () => {
    const [accessToken, refreshToken] = [randomBytes(35).toString('hex'), randomBytes(35).toString('hex')];
    access.set(accessToken, now() + lifeMs);
    refresh.add(refreshToken);
    return { accessToken, refreshToken };
  };
  const bad = (error: string): Refusal => new Refusal({ status: 400, body: { error } });

  function token(query: URLSearchParams): FakeReply {
    if (query.get('client_id') !== clientId || query.get('client_secret') !== clientSecret) throw bad('invalid_client');
    const [grant, code, old] = [query.get('grant_type'), query.get('code') ?? '', query.get('refresh_token') ?? ''];
    const isGood = grant === 'authorization_code' ? (codes.get(code) ?? 0) > now() : grant === 'refresh_token' && refresh.has(old);
    if (!isGood) throw bad('invalid_grant');
    codes.delete(code);
    if (refresh.delete(old)) refreshes += 1;
    const { accessToken, refreshToken } = issue();
    return {
      body: {
        access_token: accessToken,
        refresh_token: refreshToken,
        expires: Math.floor((now() + lifeMs) / 1000),
        expires_in: lifeMs / 1000,
        client_endpoint: endpoint(),
        domain: 'oauth.bitrix.info',
        member_id: 'a223c6b3710f85df22e9377d6c4f7553',
        scope: 'crm,task,telephony,booking,catalog,user',
        user_id: userId,
      },
    };
  }
  return {
    issue,
    refreshes: () => refreshes,
    expire: () => {
      for (const each of access.keys()) access.set(each, 0);
    },
    revoke: () => {
      access.clear();
      refresh.clear();
    },
    serve({ path, query }) {
      const asked = new URLSearchParams(query);
      if (path.startsWith('oauth/token')) return token(asked);
      if (!path.startsWith('oauth/authorize')) throw new Refusal({ status: 404 });
      const code = randomBytes(20).toString('hex');
      codes.set(code, now() + 30_000);
      if (asked.get('client_id') !== clientId) throw bad('invalid_client');
      const back = new URL(redirectUri);
      for (const [name, value] of Object.entries({
        code,
        state: asked.get('state') ?? '',
        domain: new URL(endpoint()).host,
        member_id: 'a223c6b3710f85df22e9377d6c4f7553',
      }))
        back.searchParams.set(name, value);
      return { status: 302, headers: { Location: back.href } };
    },
    check(given) {
      const until = access.get(String(given));
      if (until === undefined) throw refused(401, 'NO_AUTH_FOUND', 'Wrong authorization data');
      if (until <= now()) throw refused(401, 'expired_token', 'The access token provided has expired.');
    },
  };
}
