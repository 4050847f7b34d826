/** Consent and tokens of a Bitrix24 application. Source: b24restdocs, settings/oauth. */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Http } from '../../deps.ts';
import { type Consent, type OAuthProvider, type TokenStore, type TokenStoreDeps, tokenStore } from '../../oauth.ts';
import { applicationOf, type BitrixSettings } from './settings.ts';

const Issued = z.object({
  access_token: z.string().min(1).max(8192),
  refresh_token: z.string().min(1).max(8192),
  expires_in: z.coerce.number().positive().max(1e9),
  member_id: z.string().max(100).optional(),
});
const Refused = z.object({ error: z.string() });

/** The token server takes GET alone: the secrets are in the query, which no log and no error shows. */
export function bitrixProvider(settings: BitrixSettings, http: Http): OAuthProvider {
  const { clientId, clientSecret } = applicationOf(settings);
  return {
    vendor: 'bitrix24',
    request(grant, _, signal) {
      const query = new URLSearchParams({
        grant_type: grant.type,
        client_id: clientId,
        client_secret: clientSecret,
        ...(grant.type === 'refresh_token' ? { refresh_token: grant.refreshToken } : { code: grant.code }),
      });
      const url = `${settings.BITRIX24_OAUTH_URL.replace(/\/+$/, '')}/oauth/token/?${query}`;
      return http({ method: 'GET', operation: 'oauth/token', url, signal });
    },
    tokensIn(body) {
      const { data } = Issued.safeParse(body);
      if (data === undefined) return null;
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds, member_id: memberId } = data;
      // `client_endpoint` names the portal too; requests go to the one of the settings alone.
      return { accessToken, refreshToken, expiresInMs: seconds * 1000, ...(memberId !== undefined && { account: { memberId } }) };
    },
    problemOf(body) {
      const { error } = Refused.safeParse(body).data ?? {};
      if (error === 'PAYMENT_REQUIRED') return refused('the subscription of the portal or of the application has ended; renew it');
      if (error === 'invalid_client') return refused('check BITRIX24_CLIENT_ID and BITRIX24_CLIENT_SECRET');
      return undefined;
    },
  };
}
function refused(why: string): { readonly code: 'failed_precondition'; readonly reason: string; readonly message: string } {
  return { code: 'failed_precondition', reason: 'upstream_credentials', message: `Bitrix24 refuses to issue tokens: ${why}.` };
}

export interface BitrixOAuth {
  readonly tokens: TokenStore;
  readonly consent: Consent;
}
/** Undefined for a webhook, which has no tokens. */
export function bitrixOAuth(settings: BitrixSettings, deps: TokenStoreDeps & { readonly http: Http }): BitrixOAuth | undefined {
  if (settings.BITRIX24_WEBHOOK_URL !== undefined) return undefined;
  const tokens = tokenStore(bitrixProvider(settings, deps.http), deps);
  return {
    tokens,
    consent: {
      redirectUri: applicationOf(settings).redirectUri,
      url: (state) => bitrixConsentUrl(settings, state),
      async accept(callback, state, signal) {
        await tokens.connect({ code: bitrixCodeIn(settings, new URLSearchParams(callback), state) }, signal);
      },
    },
  };
}

/** The page where a user of the portal consents; it redirects to the address of the application with `code`, `domain` and `state`. */
export function bitrixConsentUrl(settings: BitrixSettings, state: string): string {
  const { clientId, portal } = applicationOf(settings);
  return `${portal}/oauth/authorize/?${new URLSearchParams({ client_id: clientId, state })}`;
}

/**
 * The code of a consent, which lives for 30 s. Requests with tokens go to the portal of the settings, so another `domain` is refused.
 * @throws PolybError failed_precondition/reauthorise.
 */
export function bitrixCodeIn(settings: BitrixSettings, callback: URLSearchParams, state: string): string {
  const unusable = (why: string) =>
    new PolybError('failed_precondition', `The consent at Bitrix24 cannot be used: ${why}. Start again: polyb crm connect bitrix24.`, {
      reason: 'reauthorise',
    });
  if (callback.get('state') !== state) throw unusable('it belongs to another request');
  if (callback.get('error') !== null) throw unusable('it was declined');
  const { host } = new URL(applicationOf(settings).portal);
  if (callback.get('domain') !== host) throw unusable(`it is for another portal than ${host}`);
  const code = callback.get('code') ?? '';
  if (code === '' || code.length > 4096) throw unusable('it has no code');
  return code;
}
