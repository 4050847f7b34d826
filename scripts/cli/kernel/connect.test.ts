import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { busAddress } from './connect.ts';
import { writeContexts } from './contexts.ts';
import { type FlagValues, flagsOf } from './flags.ts';

const root = mkdtempSync(join(tmpdir(), 'polyb-connect-'));
mkdirSync(join(root, '.polyb'));
writeFileSync(
  join(root, '.polyb', 'run.json'),
  JSON.stringify({ NATS_URL: 'nats://127.0.0.1:4555', POLYB_NATS_OPERATOR_PASSWORD: 'made', POLYB_SYSTEM_ID: 'polyb-1' }),
);
afterAll(() => rmSync(root, { recursive: true }));
const address = (env: Record<string, string>, flags: FlagValues = {}) => busAddress({ flags: flagsOf(flags, env, 'call'), env }, { root });

test('the operator speaks to the server that was started, with the password that was made for it', () => {
  expect(address({})).toMatchObject({ servers: ['nats://127.0.0.1:4555'], user: 'operator', pass: 'made' });
});

test('without a setting and without a system that is up there is no address, exit 6', () => {
  const nowhere = () => busAddress({ flags: flagsOf({}, {}, 'call'), env: {} }, { root: join(root, 'nowhere') });
  expect(nowhere).toThrow(expect.objectContaining({ reason: 'not_connected', outcome: 'not_executed' }));
  expect(nowhere).toThrow('no system is up here');
});

test('commands that run this checkout reach its own system whatever context is in use', () => {
  const env = { XDG_CONFIG_HOME: root };
  writeContexts(env, { current: 'staging', contexts: { staging: { url: 'nats://staging:4222' } } });
  const at = (own: boolean) => busAddress({ flags: flagsOf({}, env, 'up'), env }, { root, own }).servers;
  expect([at(true), at(false)]).toEqual([['nats://127.0.0.1:4555'], ['nats://staging:4222']]);
});

test('the server that was started has a name to prove, and one that a setting names has none', () => {
  expect(address({}).system).toBe('polyb-1');
  expect(address({ NATS_URL: 'nats://elsewhere:4222' }).system).toBeUndefined();
  writeFileSync(join(root, '.env'), 'NATS_URL=nats://elsewhere:4222');
  expect(address({})).toMatchObject({ servers: ['nats://elsewhere:4222'], system: undefined, pass: undefined });
  rmSync(join(root, '.env'));
});

test('an address of another scheme is refused with what is expected, by the name of the setting or the flag', () => {
  expect(() => address({ NATS_URL: 'http://me:secret@x' })).toThrow(
    expect.objectContaining({
      reason: 'bad_settings',
      message: expect.stringMatching(/NATS_URL: expected nats:.*got "http:\/\/\*\*\*@x"/),
    }),
  );
  expect(() => address({}, { 'nats-url': 'http://x' })).toThrow(/--nats-url: expected nats:/);
});

test('a password that was made for one server is told to no other', () => {
  expect(address({ NATS_URL: 'nats://elsewhere:4222' })).toMatchObject({
    servers: ['nats://elsewhere:4222'],
    user: undefined,
    pass: undefined,
  });
  expect(address({}, { 'nats-url': 'nats://elsewhere:4222' }).pass).toBeUndefined();
  expect(address({ NATS_URL: 'nats://elsewhere:4222', POLYB_NATS_OPERATOR_PASSWORD: 'given' })).toMatchObject({
    user: 'operator',
    pass: 'given',
  });
});

test('what is told of a server holds no credentials', () => {
  expect(address({ NATS_URL: 'nats://me:secret@elsewhere:4222' }).server).toBe('nats://elsewhere:4222');
});
