import { expect, test } from '@jest/globals';
import { pingUri } from '../../media/sip/ping.ts';
import { sipPhones } from '../../test/kit/sip-phone.ts';
import { until } from '../../test/kit/until.ts';
import { freePort } from '../infra/ready.ts';
import { type DemoPhone, startPhone } from './phone.ts';

const number = '+79995550172';
async function isThere(port: number): Promise<boolean> {
  for await (const { isAnswered } of pingUri(`sip:127.0.0.1:${port};transport=tcp`, {
    count: 1,
    intervalMs: 0,
    signal: AbortSignal.timeout(5_000),
  }))
    return isAnswered;
  return false;
}

test.each([
  ['baresip', false],
  ['a phone of this project', true],
])('%s answers by itself and is heard, and nothing is left when it is stopped', async (_, isOwn) => {
  const port = await freePort();
  const callers = await sipPhones();
  const phone: DemoPhone = await startPhone(number, port, AbortSignal.timeout(30_000), { isOwn });
  expect(phone).toMatchObject(
    isOwn ? { name: 'PolyB demo phone', instead: expect.any(String) } : { name: expect.stringMatching(/^baresip/), instead: null },
  );
  const caller = await callers.call(`sip:${number}@127.0.0.1:${port}`, 'sip:100@127.0.0.1');
  await until(() => caller.isConnected() && caller.heard().length > 8_000);
  caller.hangUp();
  await until(() => caller.hasEnded());
  expect(await isThere(port)).toBe(true);
  await phone[Symbol.asyncDispose]();
  expect(await isThere(port)).toBe(false);
  await callers.close();
});
