import { expect, test } from '@jest/globals';
import { base32, codeAt, otpauth, stepOf } from './second-factor.ts';

const secret = Buffer.from('12345678901234567890');

// RFC 6238, appendix B, of eight digits the last six.
test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
])('at %i s the code is %s', (seconds, code) => {
  expect(codeAt(secret, Math.floor(seconds / 30))).toBe(code);
});

test('a code is accepted a step early and late, once, and no code of an earlier step after it', () => {
  const now = 59_000;
  for (const step of [0, 1, 2]) expect(stepOf(codeAt(secret, step), secret, now, -1)).toBe(step);
  expect(stepOf(codeAt(secret, 3), secret, now, -1)).toBeNull();
  expect(stepOf(codeAt(secret, 1), secret, now, 1)).toBeNull();
  expect(stepOf(codeAt(secret, 0), secret, now, 1)).toBeNull();
  for (const code of ['', '12345', '1234567', '28708a', '２８７０８２']) expect(stepOf(code, secret, now, -1)).toBeNull();
});

test('an app can read the address', () => {
  // RFC 4648, section 10.
  expect(['f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => base32(Buffer.from(text)))).toEqual([
    'MY',
    'MZXQ',
    'MZXW6',
    'MZXW6YQ',
    'MZXW6YTB',
    'MZXW6YTBOI',
  ]);
  expect(otpauth('anna', secret)).toBe('otpauth://totp/PolyB:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=PolyB&digits=6&period=30');
});
