import { expect, test } from '@jest/globals';
import { personOf } from './person.ts';
import { oidcSettings } from './settings.ts';

const naming = (more: Readonly<Record<string, string>> = {}) =>
  oidcSettings.parse({
    OIDC_ISSUER: 'https://id.example',
    OIDC_CLIENT_ID: 'polyb',
    OIDC_CLIENT_SECRET: 'secret',
    OIDC_ROLES: 'it=admin, heads=director, /sales=manager',
    ...more,
  });
const claims = { iss: 'https://id.example', sub: 'u1', preferred_username: 'anna', name: 'Анна Петрова', roles: ['/sales'] };

test.each([
  ['a list', { roles: ['other', '/sales', 'heads'] }, {}, 'director'],
  ['a text', { roles: '/sales' }, {}, 'manager'],
  ['the first of the setting, whatever the order of the claim', { roles: ['/sales', 'heads', 'it'] }, {}, 'admin'],
  ['a field of an object', { realm_access: { roles: ['it'] } }, { OIDC_ROLE_CLAIM: 'realm_access.roles' }, 'admin'],
  ['a name with dots', { 'https://crm.example/roles': ['it'] }, { OIDC_ROLE_CLAIM: 'https://crm.example/roles' }, 'admin'],
  ['none that is mapped', { roles: ['admin', 'ADMIN', 'it=admin'] }, {}, null],
  ['no claim', { roles: undefined }, {}, null],
  ['a name of the prototype', {}, { OIDC_ROLE_CLAIM: 'constructor.name', OIDC_ROLES: 'Object=admin' }, null],
])('the role of %s', (_, more, settings, role) => {
  expect(personOf({ ...claims, ...more }, naming(settings)).role).toBe(role);
});

test.each([
  [' Anna.P ', 'anna.p'],
  ['Anna@company.example', 'anna'],
  ['@company.example', null],
  ['anna petrova', null],
  ['анна', null],
  ['-anna', null],
  ['a'.repeat(41), null],
  [7, null],
  [['anna'], null],
  [undefined, null],
])('the login of %j is %j', (given, login) => {
  expect(personOf({ ...claims, preferred_username: given }, naming()).login).toBe(login);
});

test.each(['', 'sales', 'sales=boss', '=admin', 'a=b=admin'])('the roles %j are refused', (roles) => {
  expect(() => naming({ OIDC_ROLES: roles })).toThrow('OIDC_ROLES');
});

test('an identity is of its issuer and subject, whatever the login', () => {
  const { identity } = personOf(claims, naming());
  expect(identity).toMatch(/^[0-9a-f]{64}$/);
  expect(personOf({ ...claims, preferred_username: 'boris', name: 'Борис' }, naming()).identity).toBe(identity);
  const others = [{ sub: 'u2' }, { iss: 'https://other.example' }, { iss: 'https://id.example,a' }, { sub: 'a,u1' }];
  const identities = others.map((other) => personOf({ ...claims, ...other }, naming()).identity);
  expect(new Set([identity, ...identities]).size).toBe(5);
});

test('a name is one visible line of at most 100 characters, or none', () => {
  const named = (name: unknown) => personOf({ ...claims, name }, naming()).name;
  expect(named(' Анна\n\u202e\u0000 Петрова ')).toBe('Анна Петрова');
  expect(named('😀'.repeat(300))?.length).toBe(100);
  for (const none of ['', ' \u200b ', 7, undefined]) expect(named(none)).toBeNull();
});
