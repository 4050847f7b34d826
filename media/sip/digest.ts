/** Both sides of digest authentication (RFC 8760, RFC 7616, RFC 3261 section 22). */
import { createHash } from 'node:crypto';
import { splitOutside, unquote } from './uri.ts';

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: Algorithm;
  readonly opaque: string | null;
  /** False: the server wants no `qop` (RFC 2069). */
  readonly hasQop: boolean;
  /** The nonce was too old; the password may be right. */
  readonly isStale: boolean;
}
export interface Credentials {
  readonly username: string;
  readonly password: string;
}
const hashes = { MD5: 'md5', 'MD5-sess': 'md5', 'SHA-256': 'sha256', 'SHA-256-sess': 'sha256' } as const;
export type Algorithm = keyof typeof hashes;
/** The strongest first. */
const algorithms: readonly Algorithm[] = ['SHA-256', 'SHA-256-sess', 'MD5', 'MD5-sess'];

/** The strongest challenge that this side can answer, or null (RFC 8760, section 2.4). */
export function pickChallenge(headers: readonly string[]): Challenge | null {
  const readable = headers.map(parseChallenge).filter((each) => each !== null);
  return algorithms.map((algorithm) => readable.find((each) => each.algorithm === algorithm)).find((each) => each !== undefined) ?? null;
}

function parseChallenge(header: string): Challenge | null {
  const fields = digestFields(header);
  const realm = fields?.get('realm');
  const nonce = fields?.get('nonce');
  const algorithm = algorithms.find((each) => each.toLowerCase() === (fields?.get('algorithm') ?? 'MD5').toLowerCase());
  const qop = fields?.get('qop');
  const offers = qop?.split(',').map((each) => each.trim().toLowerCase());
  if (!fields || realm === undefined || nonce === undefined || algorithm === undefined || (offers && !offers.includes('auth'))) return null;
  const isStale = fields.get('stale')?.toLowerCase() === 'true';
  return { realm, nonce, algorithm, opaque: fields.get('opaque') ?? null, hasQop: offers !== undefined, isStale };
}

/** The fields of a header of the scheme Digest, names in lower case. */
function digestFields(header: string): ReadonlyMap<string, string> | null {
  const match = /^\s*Digest\s+(.*)$/is.exec(header);
  if (!match) return null;
  const fields = new Map<string, string>();
  for (const part of splitOutside(match[1] ?? '', ',')) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (name !== '' && !fields.has(name)) fields.set(name, unquote(part.slice(equals + 1).trim()));
  }
  return fields;
}

interface HashInput {
  readonly challenge: Pick<Challenge, 'realm' | 'nonce' | 'algorithm' | 'hasQop'>;
  readonly credentials: Credentials;
  readonly method: string;
  readonly uri: string;
  readonly cnonce: string;
  /** Eight hexadecimal digits. */
  readonly count: string;
}
function responseOf({ challenge, credentials, method, uri, cnonce, count }: HashInput): string {
  const { realm, nonce, algorithm, hasQop } = challenge;
  const hash = (text: string): string => createHash(hashes[algorithm]).update(text).digest('hex');
  const secret = hash(`${credentials.username}:${realm}:${credentials.password}`);
  const first = algorithm.endsWith('-sess') ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const second = hash(`${method}:${uri}`);
  return hash(hasQop ? `${first}:${nonce}:${count}:${cnonce}:auth:${second}` : `${first}:${nonce}:${second}`);
}

export interface Answered {
  readonly challenge: Challenge;
  readonly credentials: Credentials;
  readonly method: string;
  /** The Request-URI. */
  readonly uri: string;
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
}

/** The value of Authorization or Proxy-Authorization. */
export function answerChallenge({ challenge, credentials, method, uri, cnonce, count: used }: Answered): string {
  const count = used.toString(16).padStart(8, '0');
  const response = responseOf({ challenge, credentials, method, uri, cnonce, count });
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return [
    `Digest username=${quoted(credentials.username)}`,
    `realm=${quoted(challenge.realm)}`,
    `nonce=${quoted(challenge.nonce)}`,
    `uri=${quoted(uri)}`,
    `response="${response}"`,
    `algorithm=${challenge.algorithm}`,
    ...(challenge.hasQop
      ? [`cnonce=${quoted(cnonce)}`, 'qop=auth', `nc=${count}`]
      : challenge.algorithm.endsWith('-sess')
        ? [`cnonce=${quoted(cnonce)}`]
        : []),
    ...(challenge.opaque === null ? [] : [`opaque=${quoted(challenge.opaque)}`]),
  ].join(', ');
}

/** The value of WWW-Authenticate or Proxy-Authenticate. */
export function formatChallenge({ realm, nonce, algorithm, opaque, hasQop, isStale }: Challenge): string {
  const rest = [...(hasQop ? ['qop="auth"'] : []), ...(opaque === null ? [] : [`opaque="${opaque}"`]), ...(isStale ? ['stale=true'] : [])];
  return [`Digest realm="${realm}"`, `nonce="${nonce}"`, `algorithm=${algorithm}`, ...rest].join(', ');
}

/** Whether a header of a client answers the challenge with the right password; `count` is its nonce count, 0 without qop. */
export function verifyAuthorization(
  header: string,
  { challenge, method, passwordOf }: { challenge: Challenge; method: string; passwordOf: (username: string) => string | null },
): { readonly isRight: boolean; readonly count: number } {
  const fields = digestFields(header);
  const username = fields?.get('username') ?? '';
  const password = passwordOf(username);
  const count = fields?.get('nc') ?? '';
  const isMeant = fields?.get('nonce') === challenge.nonce && fields.get('realm') === challenge.realm;
  if (!fields || password === null || !isMeant || (challenge.hasQop && !/^[\da-f]{8}$/i.test(count))) return { isRight: false, count: 0 };
  const expected = responseOf({
    challenge,
    credentials: { username, password },
    method,
    uri: fields.get('uri') ?? '',
    cnonce: fields.get('cnonce') ?? '',
    count,
  });
  return { isRight: fields.get('response') === expected, count: Number.parseInt(count, 16) || 0 };
}
