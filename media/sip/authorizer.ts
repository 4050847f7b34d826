/** Answers the challenges of proxies and servers for one call, registration or request, without looping. */
import { type RandomBytes, randomToken } from './clock.ts';
import { answerChallenge, type Challenge, type Credentials, pickChallenge } from './digest.ts';
import type { Header, SipResponse } from './message.ts';

export interface Authorizer {
  /** The headers for a request, from the challenges so far. */
  headers(method: string, uri: string): Header[];
  /** One request and its retries after challenges. */
  attempt(): {
    /** Reads a 401 or 407; returns true if the request may be sent once more. A second challenge counts only if it says `stale`. */
    takes(response: SipResponse): boolean;
  };
}

const sources = { 401: ['WWW-Authenticate', 'Authorization'], 407: ['Proxy-Authenticate', 'Proxy-Authorization'] } as const;

export function createAuthorizer(credentials: Credentials | null, random: RandomBytes): Authorizer {
  /** By the answering header and the realm. */
  const known = new Map<string, { readonly name: string; readonly challenge: Challenge; count: number }>();

  return {
    headers(method, uri) {
      if (credentials === null) return [];
      return [...known.values()].map((each): Header => {
        each.count += 1;
        const answer = { challenge: each.challenge, credentials, method, uri, cnonce: randomToken(random), count: each.count };
        return [each.name, answerChallenge(answer)];
      });
    },
    attempt() {
      const answered = new Set<string>();
      const renewed = new Set<string>();
      return {
        takes(response) {
          const source = response.status === 401 || response.status === 407 ? sources[response.status] : null;
          if (credentials === null || source === null) return false;
          const [from, name] = source;
          // A challenge contains commas, so each header is one challenge.
          const challenge = pickChallenge(response.headers.filter(([each]) => each === from).map(([, value]) => value));
          if (!challenge) return false;
          const key = `${name} ${challenge.realm}`;
          if (answered.has(key)) {
            if (!challenge.isStale || renewed.has(key)) return false;
            renewed.add(key);
          }
          answered.add(key);
          known.set(key, { name, challenge, count: 0 });
          return answered.size <= 3;
        },
      };
    },
  };
}
