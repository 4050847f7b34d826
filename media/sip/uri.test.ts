import { expect, test } from '@jest/globals';
import { formatNameAddress, formatUri, parseHostPort, parseNameAddress, parseUri } from './uri.ts';

test.each([
  'sip:alice@example.com',
  'sips:alice:secret@example.com:5061;transport=tcp;lr',
  'sip:[2001:db8::1]:5070',
  'sip:+79995553322@10.0.0.1;user=phone',
  'sip:alice;day=tuesday@example.com',
  'sip:alice@example.com?Replaces=a%40b%3Bto-tag%3Dx',
  'tel:+79995553322;phone-context=example.com',
])('writes %s as it read it', (text) => {
  const uri = parseUri(text);
  expect(uri && formatUri(uri)).toBe(text);
});

test.each([
  '',
  'sip:',
  'http://example.com',
  'sip:@example.com',
  'sip:a@',
  'sip:a@exa mple.com',
  'sip:a@example.com:99999',
  'sip:a@[::1',
  'sip:a@b<c>',
  'tel:+7;x y',
  'sip:a@-',
])('refuses %p as a URI', (text) => {
  expect(parseUri(text)).toBeNull();
});

test('lowers the case of the host and of the names of parameters, never of the user', () => {
  expect(parseUri('SIP:Alice@EXAMPLE.com;Transport=TCP')).toMatchObject({ user: 'Alice', host: 'example.com' });
  expect(parseUri('SIP:Alice@EXAMPLE.com;Transport=TCP')?.params.get('transport')).toBe('TCP');
});

test('reads parameters without brackets as those of the header', () => {
  expect(parseNameAddress('sip:a@b;tag=1')).toMatchObject({ uri: 'sip:a@b', params: new Map([['tag', '1']]) });
  expect(parseNameAddress('<sip:a@b;lr>;tag=1')).toMatchObject({ uri: 'sip:a@b;lr', params: new Map([['tag', '1']]) });
});

test('keeps a display name with quotes and Cyrillic through writing and reading', () => {
  const display = 'Анна "Аня" \\ Иванова, директор';
  expect(parseNameAddress(formatNameAddress({ display, uri: 'sip:a@b' }))).toMatchObject({ display, uri: 'sip:a@b' });
});

test('distinguishes the port of an IPv6 address from its groups', () => {
  expect(parseHostPort('[::1]:5060')).toEqual({ host: '::1', port: 5060 });
  expect(parseHostPort('::1')).toBeNull();
});
