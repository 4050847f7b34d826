/** Consent and tokens of an amoCRM integration. Source: amoCRM documentation, OAuth. */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Http } from '../../deps.ts';
import { type Consent, type OAuthProvider, type TokenStore, type TokenStoreDeps, tokenStore } from '../../oauth.ts';
import { type AmoSettings, accountUrl, integrationOf } from './settings.ts';

const Issued = z.object({
  access_token: z.string().min(1).max(8192),
  refresh_token: z.string().min(1).max(8192),
  expires_in: z.number().positive().max(1e9),
});

export function amoTokens(settings: AmoSettings, deps: TokenStoreDeps & { readonly http: Http }): TokenStore {
  const { clientId, clientSecret, redirectUri } = integrationOf(settings);
  const provider: OAuthProvider = {
    vendor: 'amocrm',
    request: (grant, _, signal) =>
      deps.http({
        method: 'POST',
        operation: 'POST token',
        url: `${accountUrl(settings)}/oauth2/access_token`,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          client_id: clientId,
          client_secret: clientSecret,
          grant_type: grant.type,
          ...(grant.type === 'refresh_token' ? { refresh_token: grant.refreshToken } : { code: grant.code }),
          // Required for a refresh too.
          redirect_uri: redirectUri,
        }),
        signal,
      }),
    tokensIn(body) {
      const { data } = Issued.safeParse(body);
      if (data === undefined) return null;
      return { accessToken: data.access_token, refreshToken: data.refresh_token, expiresInMs: data.expires_in * 1000 };
    },
  };
  return tokenStore(provider, deps);
}

export function amoConsent(settings: AmoSettings, deps: TokenStoreDeps & { readonly http: Http }): Consent {
  return {
    redirectUri: integrationOf(settings).redirectUri,
    url: (state) => amoConsentUrl(settings, state),
    async accept(callback, state, signal) {
      await amoTokens(settings, deps).connect({ code: amoCodeIn(settings, new URLSearchParams(callback), state) }, signal);
    },
  };
}

/** The page where an administrator consents; it redirects to AMOCRM_REDIRECT_URI with `code`, `referer` and `state`. */
export function amoConsentUrl(settings: AmoSettings, state: string): string {
  const { clientId } = integrationOf(settings);
  return `${settings.AMOCRM_OAUTH_URL}?${new URLSearchParams({ client_id: clientId, state, mode: 'popup' })}`;
}

/**
 * The code of a consent. Requests with tokens go to the account of the settings, so a `referer` with another host is refused.
 * @throws PolybError failed_precondition/reauthorise.
 */
export function amoCodeIn(settings: AmoSettings, callback: URLSearchParams, state: string): string {
  const refused = (why: string) =>
    new PolybError('failed_precondition', `The consent at amoCRM cannot be used: ${why}. Start again: polyb crm connect amocrm.`, {
      reason: 'reauthorise',
    });
  if (callback.get('state') !== state) throw refused('it belongs to another request');
  if (callback.get('error') !== null) throw refused('it was declined');
  const { host } = new URL(accountUrl(settings));
  if (callback.get('referer') !== host) throw refused(`it is for another account than ${host}`);
  const code = callback.get('code') ?? '';
  if (code === '' || code.length > 4096) throw refused('it has no code');
  return code;
}
