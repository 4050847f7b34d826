/** An OpenID Connect provider that answers as a test says, right or wrong. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testClient } from './identity-provider.ts';

export interface Signing {
  readonly alg?: 'RS256' | 'HS256' | 'none';
  /** A key that the provider does not publish. */
  readonly isForeign?: boolean;
}
export interface HostileIdentityProvider {
  readonly issuer: string;
  /** Changes of its discovery document. */
  metadata: Readonly<Record<string, unknown>>;
  /** The reply of the token endpoint. */
  tokens: () => { readonly status?: number; readonly body: string };
  /** The bodies of requests to the token endpoint. */
  readonly asked: string[];
  /** The body of a right token reply, with these claims changed. */
  tokenReply(claims: Readonly<Record<string, unknown>>, signing?: Signing): string;
  stop(): Promise<void>;
}

export async function hostileIdentityProvider(): Promise<HostileIdentityProvider> {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server = createServer(
    (request, response) => void reply(request).then(([status, body]) => response.writeHead(status, json).end(body)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const it: HostileIdentityProvider = {
    issuer,
    metadata: {},
    tokens: () => ({ status: 400, body: '{"error":"invalid_request"}' }),
    asked: [],
    tokenReply(claims, signing = {}) {
      const now = Math.floor(Date.now() / 1000);
      const right = { iss: issuer, aud: testClient.client_id, sub: 'u1', iat: now, exp: now + 300 };
      const idToken = jwt({ ...right, ...claims }, { alg: 'RS256', ...signing }, signing.isForeign ? foreign.privateKey : own.privateKey);
      return JSON.stringify({ access_token: 'opaque', token_type: 'Bearer', expires_in: 300, id_token: idToken });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  async function reply(request: IncomingMessage): Promise<readonly [number, string]> {
    switch (request.url?.split('?')[0]) {
      case '/.well-known/openid-configuration':
        return [200, JSON.stringify({ ...documentOf(issuer), ...it.metadata })];
      case '/jwks':
        return [200, JSON.stringify({ keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] })];
      case '/token': {
        it.asked.push(Buffer.concat(await request.toArray()).toString());
        const { status = 200, body } = it.tokens();
        return [status, body];
      }
      default:
        return [404, '{}'];
    }
  }
  return it;
}

const json = { 'content-type': 'application/json' };
const documentOf = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
  authorization_response_iss_parameter_supported: true,
});
function jwt(claims: object, { alg }: Required<Pick<Signing, 'alg'>>, key: KeyObject): string {
  const [header, body] = [{ alg, kid: 'k' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const text = `${header}.${body}`;
  const signatures = {
    RS256: () => sign('sha256', Buffer.from(text), key).toString('base64url'),
    HS256: () => createHmac('sha256', testClient.client_secret).update(text).digest('base64url'),
    none: () => '',
  };
  return `${text}.${signatures[alg]()}`;
}
