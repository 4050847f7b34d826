import { expect, test } from '@jest/globals';
import { type Algorithm, answerChallenge, type Challenge, formatChallenge, pickChallenge, verifyAuthorization } from './digest.ts';

const credentials = { username: 'Mufasa', password: 'Circle Of Life' };
const request = { method: 'GET', uri: '/dir/index.html' };
const responseIn = (header: string): string | undefined => /response="(\w+)"/.exec(header)?.[1];

test('answers as the example of RFC 2617 does', () => {
  const challenge = pickChallenge([
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  ]) as Challenge;
  const header = answerChallenge({ challenge, credentials, ...request, cnonce: '0a4f113b', count: 1 });
  expect(responseIn(header)).toBe('6629fae49393a05397450978507c4ef1');
  expect(header).toContain('opaque="5ccc069c403ebaf9f0171e9517f40e41"');
});

test('answers with SHA-256 as the example of RFC 7616 does', () => {
  const challenge = pickChallenge([
    'Digest realm="http-auth@example.org", qop="auth", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
  ]) as Challenge;
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  expect(
    responseIn(
      answerChallenge({ challenge, credentials: { username: 'Mufasa', password: 'Circle of Life' }, ...request, cnonce, count: 1 }),
    ),
  ).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
});

test.each<Algorithm>(['MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess'])(
  '%s: a server accepts the right password and no other',
  (algorithm) => {
    for (const hasQop of [true, false]) {
      const challenge: Challenge = { realm: 'polyb', nonce: 'n1', algorithm, opaque: null, hasQop, isStale: false };
      const picked = pickChallenge([formatChallenge(challenge)]) as Challenge;
      expect(picked).toEqual(challenge);
      const answer = (password: string): string =>
        answerChallenge({
          challenge: picked,
          credentials: { username: 'a', password },
          method: 'INVITE',
          uri: 'sip:b@c',
          cnonce: 'c',
          count: 17,
        });
      const passwordOf = (username: string): string | null => (username === 'a' ? 'right' : null);
      const verify = (header: string, method = 'INVITE') => verifyAuthorization(header, { challenge, method, passwordOf });
      expect(verify(answer('right'))).toEqual({ isRight: true, count: hasQop ? 17 : 0 });
      expect(verify(answer('wrong')).isRight).toBe(false);
      expect(verify(answer('right'), 'BYE').isRight).toBe(false);
      expect(verify(answer('right').replace('"a"', '"b"')).isRight).toBe(false);
    }
  },
);

test('picks the strongest of several challenges, and none that it cannot answer', () => {
  const challenge = (rest: string): string => `Digest realm="r", nonce="n"${rest}`;
  expect(pickChallenge([challenge(''), challenge(', algorithm=SHA-256'), challenge(', algorithm=SHA-512-256')])?.algorithm).toBe('SHA-256');
  expect(pickChallenge(['Basic realm="r"', challenge(', algorithm=AKAv1-MD5'), challenge(', qop="auth-int"')])).toBeNull();
  expect(pickChallenge([challenge(', stale=TRUE')])?.isStale).toBe(true);
});
