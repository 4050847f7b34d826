/** `polyb keys`: API keys of HTTP. The secret is made here and never leaves: the gateway gets its digest. */
import { createHash, randomBytes } from 'node:crypto';
import { askMethod } from '../kernel/ask.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { durationMs } from '../kernel/flags.ts';

interface ApiKey {
  readonly keyId: string;
  readonly client: string;
  readonly person: string | null;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}
const scopes = ['read', 'send', 'admin'];
const usualLifeMs = 365 * 86_400_000;

export async function createKey(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const keyId = `pk_${randomBytes(6).toString('hex')}`;
  const secret = randomBytes(32).toString('base64url');
  const input = {
    keyId,
    secretHash: createHash('sha256').update(secret).digest('hex'),
    client: flags.text('client') ?? 'default',
    person: flags.text('person') ?? null,
    scopes: scopesOf(flags.text('scope') ?? 'read,send'),
    expiresAt: expiryOf(flags.text('expires')),
  };
  const made = await askMethod<ApiKey>(invocation, 'gateway.create_key', input);
  const key = `${keyId}.${secret}`;
  await out.result(
    { key, keyId, client: made.client, person: made.person, scopes: made.scopes, expiresAt: made.expiresAt },
    { text: () => key },
  );
  out.note(
    `a key of ${made.person === null ? made.client : `${made.person} of ${made.client}`} for ${made.scopes.join(', ')}; it is shown only once`,
    'ok',
  );
  return 0;
}

export async function listKeys(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const [client, limit, cursor] = [flags.text('client'), flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<{ readonly items: readonly ApiKey[]; readonly nextCursor: string | null }>(invocation, 'gateway.list_keys', {
    ...(client !== undefined && { client }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['KEY', 'CLIENT', 'PERSON', 'SCOPES', 'CREATED', 'EXPIRES', 'LAST USED', 'REVOKED'],
      rows: page.items.map((key) => [
        key.keyId,
        key.client,
        key.person ?? '',
        key.scopes.join(','),
        out.time(key.createdAt),
        key.expiresAt === null ? 'never' : out.time(key.expiresAt),
        key.lastUsedAt === null ? '' : out.time(key.lastUsedAt),
        key.revokedAt === null ? '' : out.time(key.revokedAt),
      ]),
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb keys list --cursor ${page.nextCursor}`);
  return 0;
}

export async function revokeKey(invocation: Invocation): Promise<number> {
  const { args, out } = invocation;
  const [given] = args;
  if (given === undefined) throw wrongUsage('expected a key id', { subject: 'keys revoke', next: ['polyb keys list'] });
  // Whoever pastes the whole key means its id; the rest is a secret and goes nowhere.
  const [keyId = ''] = given.split('.');
  const key = await askMethod<ApiKey>(invocation, 'gateway.revoke_key', { keyId });
  await out.result(key, { text: () => `${key.keyId}  revoked` });
  out.note(`${key.keyId} of ${key.client} is revoked`, 'ok');
  return 0;
}

function scopesOf(text: string): readonly string[] {
  const given = text.split(',').map((scope) => scope.trim());
  const wrong = given.find((scope) => !scopes.includes(scope));
  if (wrong !== undefined)
    throw wrongUsage(`--scope: expected some of ${scopes.join(', ')}; got "${wrong}"`, {
      subject: 'keys create',
      next: ['polyb keys create --scope read,send'],
    });
  return given;
}
function expiryOf(text: string | undefined): string | null {
  if (text === 'never') return null;
  const ms = text === undefined ? usualLifeMs : durationMs(text);
  if (ms === undefined || ms === 0)
    throw wrongUsage(`--expires: expected a length of time, e.g. 90d, or never; got "${text}"`, {
      subject: 'keys create',
      next: ['polyb keys create --expires 90d'],
    });
  return new Date(Date.now() + ms).toISOString();
}
