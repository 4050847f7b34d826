import { expect, test } from '@jest/globals';
import { mayHaveToken } from './hosts.ts';

const graph = 'https://graph.facebook.com';

test.each([
  ['https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1', true],
  ['https://scontent.whatsapp.net/v/t61', true],
  [`${graph}/media`, true],
  ['http://lookaside.fbsbx.com/', false],
  ['https://lookaside.fbsbx.com:8443/', false],
  ['https://lookaside.fbsbx.com.example.org/', false],
  ['https://notfbsbx.com/', false],
  ['https://lookaside.fbsbx.com@example.org/', false],
  ['ftp://fbsbx.com/', false],
  ['/attachments', false],
])('the access token is sent to Meta and to the configured Graph API alone: %s', (link, may) => {
  expect(mayHaveToken(link, graph)).toBe(may);
});

test('a Graph API of another address gets the token on its own origin alone', () => {
  const own = 'http://127.0.0.1:4000';
  expect([`${own}/attachments`, 'http://127.0.0.1:4001/'].map((link) => mayHaveToken(link, own))).toEqual([true, false]);
});
