/**
 * An OpenID Connect provider: authorization code flow with PKCE. The library is loaded with the first log-in.
 * Sources: OpenID Connect Core 1.0, section 3.1; Discovery 1.0; RP-Initiated Logout 1.0; RFC 9700 (best current practice); RFC 9207 (`iss`).
 */
import type { ClientAuth, Configuration, CustomFetch } from 'openid-client';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, Http, HttpRequest } from '../../deps.ts';
import type { IdentityProvider } from '../../identity/port.ts';
import { badReply, factsOf, failureOf } from './failure.ts';
import { type Claims, claimAt, personOf } from './person.ts';
import type { OidcSettings } from './settings.ts';

const timeoutMs = 5_000;
const maxBytes = 512_000;
/** How long the discovery document is kept; keys are read again when a token names an unknown one. */
const rememberMs = 3_600_000;
/** Difference between the clocks of this system and of the provider. */
const toleranceS = 30;

export function oidc(settings: OidcSettings, { http, log, now }: Pick<Deps, 'http' | 'log' | 'now'>): IdentityProvider {
  const issuer = new URL(settings.OIDC_ISSUER);
  let known: { readonly until: number; readonly configuration: Promise<Configuration> } | undefined;

  async function discover(): Promise<Configuration> {
    const client = await import('openid-client');
    const authenticate: ClientAuth = (server, ...rest) => {
      const { token_endpoint_auth_methods_supported: ways = ['client_secret_basic'] } = server;
      const way = ways.includes('client_secret_basic') ? client.ClientSecretBasic : client.ClientSecretPost;
      way(settings.OIDC_CLIENT_SECRET)(server, ...rest);
    };
    return client.discovery(issuer, settings.OIDC_CLIENT_ID, { [client.clockTolerance]: toleranceS }, authenticate, {
      [client.customFetch]: guardedFetch(http),
      timeout: timeoutMs / 1000,
      execute: [client.enableNonRepudiationChecks, ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [])],
    });
  }
  /** Discovered once for all log-ins of an hour; after a failure, with the next log-in. */
  function configured(): Promise<Configuration> {
    if (known === undefined || known.until <= now()) {
      const configuration = discover();
      const asked = { until: now() + rememberMs, configuration };
      known = asked;
      configuration.catch(() => {
        if (known === asked) known = undefined;
      });
    }
    return known.configuration;
  }
  /** Also translates the errors of the library. */
  async function withProvider<T>(
    work: (client: typeof import('openid-client'), configuration: Configuration) => Promise<T> | T,
  ): Promise<T> {
    try {
      const configuration = await configured();
      return await work(await import('openid-client'), configuration);
    } catch (thrown) {
      const failure = failureOf(thrown);
      log.warn(factsOf(failure), 'a log-in through the identity provider failed');
      throw failure;
    }
  }

  return {
    name: settings.OIDC_NAME ?? issuer.host,
    start: ({ state, nonce, verifier }, returnTo) =>
      withProvider(async (client, configuration) => {
        const address = client.buildAuthorizationUrl(configuration, {
          redirect_uri: returnTo,
          scope: [...new Set(['openid', ...settings.OIDC_SCOPES])].join(' '),
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          state,
          nonce,
        });
        return address.href;
      }),
    finish: ({ state, nonce, verifier }, returned) =>
      withProvider(async (client, configuration) => {
        const tokens = await client.authorizationCodeGrant(configuration, returned, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const proved: Claims = { ...tokens.claims() };
        // A provider of many organisations has an issuer for each: only the one that the setting names is trusted.
        if (typeof proved.iss !== 'string' || URL.parse(proved.iss)?.href !== issuer.href) throw badReply(new Error('another issuer'));
        const isWhole = [settings.OIDC_LOGIN_CLAIM, settings.OIDC_ROLE_CLAIM].every((name) => claimAt(proved, name) !== undefined);
        const hasMore = configuration.serverMetadata().userinfo_endpoint !== undefined;
        const more = isWhole || !hasMore ? {} : await client.fetchUserInfo(configuration, tokens.access_token, String(proved.sub));
        requireSecondFactor(proved.amr, settings.OIDC_AMR);
        return personOf({ ...more, ...proved }, settings);
      }),
    logOutAddress: (returnTo) =>
      withProvider((client, configuration) =>
        configuration.serverMetadata().end_session_endpoint === undefined
          ? null
          : client.buildEndSessionUrl(configuration, { post_logout_redirect_uri: returnTo }).href,
      ),
  };
}

function requireSecondFactor(given: unknown, accepted: readonly string[]): void {
  if (accepted.length === 0 || [given].flat().some((way) => accepted.includes(String(way)))) return;
  throw new PolybError('permission_denied', `The identity provider must prove the person by ${accepted.join(' or ')}; set that up there.`, {
    reason: 'provider_second_factor',
  });
}

/** `fetch` for the library, by the guarded client: its limits of addresses, size and time hold for what a discovery document names. */
function guardedFetch(http: Http): CustomFetch {
  return async (url, { method, headers, body, signal = AbortSignal.timeout(timeoutMs) }) => {
    const answer = await http({
      method: method as HttpRequest['method'],
      url,
      headers,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      ...{ signal, timeoutMs, maxBytes },
    });
    return new Response(answer.bytes.length === 0 ? null : new Uint8Array(answer.bytes), {
      status: answer.status,
      headers: answer.headers,
    });
  };
}
