/** Digests of passwords: argon2id where Node has it (24.7), else scrypt. The parameters are stored with the digest. */
import { type Argon2Parameters, argon2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { PolybError } from '../../../contracts/kit/errors.ts';

const saltBytes = 16;
const hashBytes = 32;
/** OWASP's second choice of 2025: 19 MiB, two passes, one lane; about 60 ms of a core. */
const argon = { memory: 19_456, passes: 2, parallelism: 1 };
/** Of the same work and memory: N = 2^14 takes 16 MiB. */
const scryptCost = { N: 16_384, r: 8, p: 5 };
/** Digests are computed by few threads at a time, and few wait: a storm of guesses leaves the other cores alone. */
const mostAtOnce = 2;
const mostWaiting = 64;

export interface Passwords {
  digest(password: string): Promise<string>;
  /** @param stored Null takes as long as a wrong password. */
  matches(password: string, stored: string | null): Promise<boolean>;
}

export function createPasswords(): Passwords {
  const limited = fewAtATime(mostAtOnce, mostWaiting);
  /** Compared with when there is none. */
  const nobody = encoded(preferred, randomBytes(saltBytes), randomBytes(hashBytes));
  return {
    digest: (password) =>
      limited(async () => {
        const salt = randomBytes(saltBytes);
        return encoded(preferred, salt, await derived(preferred, password, salt));
      }),
    matches: (password, stored) =>
      limited(async () => {
        const { algorithm, salt, hash } = decoded(stored ?? nobody);
        const isSame = timingSafeEqual(await derived(algorithm, password, salt), hash);
        return isSame && stored !== null;
      }),
  };
}

type Algorithm =
  | { readonly name: 'argon2id'; readonly memory: number; readonly passes: number; readonly parallelism: number }
  | { readonly name: 'scrypt'; readonly N: number; readonly r: number; readonly p: number };
const preferred: Algorithm = typeof argon2 === 'function' ? { name: 'argon2id', ...argon } : { name: 'scrypt', ...scryptCost };

async function derived(algorithm: Algorithm, password: string, salt: Buffer): Promise<Buffer> {
  // Two ways of typing one character are one password.
  const message = password.normalize('NFKC');
  if (algorithm.name === 'argon2id') {
    const { memory, passes, parallelism } = algorithm;
    const parameters: Argon2Parameters = { message, nonce: salt, memory, passes, parallelism, tagLength: hashBytes };
    return promisify(argon2)('argon2id', parameters);
  }
  const { N, r, p } = algorithm;
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  return derive(message, salt, hashBytes, { N, r, p, maxmem: 256 * N * r });
}

/** `argon2id$19456,2,1$salt$hash`, base64. */
function encoded(algorithm: Algorithm, salt: Buffer, hash: Buffer): string {
  const numbers =
    algorithm.name === 'argon2id' ? [algorithm.memory, algorithm.passes, algorithm.parallelism] : [algorithm.N, algorithm.r, algorithm.p];
  return [algorithm.name, numbers.join(','), salt.toString('base64'), hash.toString('base64')].join('$');
}
function decoded(stored: string): { readonly algorithm: Algorithm; readonly salt: Buffer; readonly hash: Buffer } {
  const [name, numbers = '', salt = '', hash = ''] = stored.split('$');
  const [first = 0, second = 0, third = 0] = numbers.split(',').map(Number);
  const algorithm: Algorithm =
    name === 'argon2id' ? { name, memory: first, passes: second, parallelism: third } : { name: 'scrypt', N: first, r: second, p: third };
  return { algorithm, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** Runs `most` works at once and lets `waiting` more wait. @throws PolybError resource_exhausted for further ones. */
export function fewAtATime(most: number, waiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= most) {
      if (queue.length >= waiting)
        throw new PolybError('resource_exhausted', 'Too many people are logging in; try again in a moment.', { retryAfterMs: 2_000 });
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The place goes to the one that waits longest.
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
