/** Secrets are made in the browser: the server receives their digests alone. */
import { isRequestError } from '../kit/api.ts';

export interface Secrets {
  /** Repeats of an act whose outcome is unknown have the same secret, so that it takes effect once. */
  use<T>(act: string, run: (secret: string, digest: string) => Promise<T>): Promise<T>;
}

export function createSecrets(): Secrets {
  const kept = new Map<string, string>();
  return {
    async use(act, run) {
      const secret = kept.get(act) ?? newSecret();
      kept.set(act, secret);
      try {
        const done = await run(secret, await digestOf(secret));
        kept.delete(act);
        return done;
      } catch (thrown) {
        if (isRequestError(thrown) && thrown.status >= 400 && thrown.status < 500) kept.delete(act);
        throw thrown;
      }
    },
  };
}

/** 256 bits, as base64url. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
/** SHA-256, as hex. */
async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
