import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { type SipPhones, sipPhones } from '../../../test/kit/sip-phone.ts';
import { until } from '../../../test/kit/until.ts';
import type { LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import { sipSettings } from './settings.ts';
import { sipTelephony } from './telephony.ts';
import { readTrunks } from './trunks.ts';

let folder: string;
let main: SipPhones;
let second: SipPhones;
let server: LegServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polyb-trunks-'));
  [main, second] = await Promise.all([sipPhones(), sipPhones()]);
  const trunk = {
    trunk: 'second',
    uri: second.uri,
    user: 'polyb',
    password: 'made',
    callerId: '+74950000002',
    maxCalls: 2,
    callsPerSecond: 3,
  };
  const options = sipSettings.parse({ SIP_TRUNK: main.uri, SIP_CALLER_ID: '+74950000001', SIP_TRUNKS: await written([trunk]) });
  const host: LegHost = {
    ...{ changed() {}, offered() {}, held() {}, answered() {}, save: async () => {}, saved: async () => null },
    identify: () => ({ legId: 'leg_in', callId: 'call_in' }),
  };
  // A clock that stands: everything is within one second.
  server = await sipTelephony(options, { log: quiet, now: () => 5_000_000 }).start(host);
});
afterAll(async () => {
  await server?.close();
  await Promise.all([main?.close(), second?.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function written(trunks: unknown): Promise<string> {
  const file = join(folder, `${Math.random()}.json`);
  await writeFile(file, typeof trunks === 'string' ? trunks : JSON.stringify(trunks));
  return file;
}
const signal = AbortSignal.timeout(120_000);
const place = (legId: string, trunk?: string) =>
  server.place({ callId: `call_${legId}`, to: '+79995553322', ...(trunk === undefined ? {} : { trunk }) }, { legId, signal });

test('a call goes through the trunk of its name, else through main, with the caller id and within the limits of that trunk', async () => {
  await place('leg_1');
  await place('leg_2', 'second');
  await until(() => main.calls.length === 1 && second.calls.length === 1);
  expect([server.leg('leg_1')?.from, server.leg('leg_2')?.from]).toEqual(['+74950000001', '+74950000002']);
  await place('leg_3', 'second');
  await expect(place('leg_4', 'second')).rejects.toMatchObject({
    code: 'resource_exhausted',
    message: expect.stringMatching(/lines of trunk second/),
  });
  expect(server.trunks()).toMatchObject([
    { trunk: 'main', legs: 1, maxLegs: 400 },
    { trunk: 'second', legs: 2, maxLegs: 2 },
  ]);
  await server.leg('leg_3')?.hangUp(signal);
  await until(() => server.trunks()[1]?.legs === 1);
  await place('leg_5', 'second');
  await server.leg('leg_5')?.hangUp(signal);
  await until(() => server.trunks()[1]?.legs === 1);
  await expect(place('leg_6', 'second')).rejects.toMatchObject({ message: expect.stringMatching(/no more calls in this second/) });
  expect(main.calls).toHaveLength(1);
});

test.each([
  ['no JSON', '{', /cannot be read as JSON/],
  [
    'a name twice',
    [
      { trunk: 'second', uri: 'sip:127.0.0.1' },
      { trunk: 'second', uri: 'sip:127.0.0.1' },
    ],
    /each name once/,
  ],
  ['the name main', [{ trunk: 'main', uri: 'sip:127.0.0.1' }], /none is main/],
  ['an address that is none', [{ trunk: 'second', uri: 'http://127.0.0.1' }], /a SIP URI/],
  ['an unknown field', [{ trunk: 'second', uri: 'sip:127.0.0.1', pasword: 'x' }], /pasword/],
])('a file of trunks with %s is refused, and says why', async (_, trunks, message) => {
  const options = sipSettings.parse({ SIP_TRUNKS: await written(trunks) });
  await expect(readTrunks(options, { log: quiet, now: Date.now })).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(message),
  });
});
