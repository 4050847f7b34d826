/** An OpenID Connect provider as the standard says: oidc-provider on loopback, where a test decides who is logged in. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

/** Claims of a person there. */
export interface Account {
  readonly sub: string;
  readonly name?: string;
  readonly preferred_username?: string;
  readonly roles?: readonly string[];
}
export interface TestIdentityProvider {
  readonly issuer: string;
  /** The person who logs in next; null: they decline. */
  account: Account | null;
  stop(): Promise<void>;
}
export const testClient = { client_id: 'polyb', client_secret: 'the secret of the tests' };
const scopes = 'openid profile roles';

export async function testIdentityProvider({
  port,
  redirectUris,
  logOutUris,
}: {
  readonly port: number;
  readonly redirectUris: readonly string[];
  readonly logOutUris: readonly string[];
}): Promise<TestIdentityProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  const accounts = new Map<string, Account>();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    adapter: memory(),
    clients: [{ ...testClient, redirect_uris: redirectUris, post_logout_redirect_uris: logOutUris }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], roles: ['roles'] },
    scopes: scopes.split(' '),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: () => '/log-in' },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => accounts.get(sub) }),
    // Its people have agreed to everything.
    async loadExistingGrant({ oidc }: { oidc: { session: { accountId: string }; client: { clientId: string } } }) {
      const grant = new provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
      grant.addOIDCScope(scopes);
      await grant.save();
      return grant;
    },
  });
  const it = { issuer, account: null as Account | null };
  provider.use(async ({ path, req, res }, next) => {
    if (path !== '/log-in') return next();
    const { account } = it;
    if (account !== null) accounts.set(account.sub, account);
    await provider.interactionFinished(req, res, account === null ? { error: 'access_denied' } : { login: { accountId: account.sub } });
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return Object.assign(it, {
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Where the provider keeps its codes and sessions. Its own one warns that it forgets. */
function memory() {
  const stored = new Map<string, Record<string, unknown>>();
  return class {
    readonly #kind: string;
    constructor(kind: string) {
      this.#kind = kind;
    }
    async upsert(id: string, payload: Record<string, unknown>) {
      stored.set(`${this.#kind} ${id}`, payload);
      if (payload.uid !== undefined) stored.set(`${this.#kind} uid ${String(payload.uid)}`, payload);
    }
    async find(id: string) {
      return stored.get(`${this.#kind} ${id}`);
    }
    async findByUid(uid: string) {
      return stored.get(`${this.#kind} uid ${uid}`);
    }
    async consume(id: string) {
      Object.assign(stored.get(`${this.#kind} ${id}`) ?? {}, { consumed: Math.floor(Date.now() / 1000) });
    }
    async destroy(id: string) {
      stored.delete(`${this.#kind} ${id}`);
    }
    async revokeByGrantId(grantId: string) {
      for (const [name, { grantId: of }] of stored) if (of === grantId) stored.delete(name);
    }
  };
}
