import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decode } from '../../media/audio/g711.ts';
import { goertzel } from '../../media/audio/goertzel.ts';
import { makeTone } from '../../media/audio/tones.ts';
import { wavFile } from '../../media/audio/wav.ts';
import { pingUri } from '../../media/sip/ping.ts';
import { sipPhones } from '../../test/kit/sip-phone.ts';
import { until } from '../../test/kit/until.ts';
import { freePort } from '../infra/ready.ts';
import { temporaryDir } from '../infra/temporary.ts';
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
])('%s answers by itself, is heard, plays what it is told to, and nothing is left when it is stopped', async (_, isOwn) => {
  const port = await freePort();
  const callers = await sipPhones();
  const phone: DemoPhone = await startPhone(number, port, AbortSignal.timeout(30_000), { isOwn });
  expect(phone).toMatchObject(
    isOwn ? { name: 'PolyB demo phone', instead: expect.any(String) } : { name: expect.stringMatching(/^baresip/), instead: null },
  );
  const caller = await callers.call(`sip:${number}@127.0.0.1:${port}`, 'sip:100@127.0.0.1');
  const last = (hz: number) => goertzel(decode('PCMU', caller.heard().slice(-1_600)), hz);
  await until(() => caller.isConnected() && caller.heard().length > 8_000 && last(440) > 10 * last(700));
  const tone = makeTone({ hz: [700], ms: 10_000, dbm0: -15 });
  const file = join(temporaryDir(), 'line.wav');
  await writeFile(file, wavFile({ rateHz: 8_000, channels: 1 }, tone));
  phone.play(file);
  await until(() => last(700) > 10 * last(440));
  caller.hangUp();
  await until(() => caller.hasEnded());
  expect(await isThere(port)).toBe(true);
  await phone[Symbol.asyncDispose]();
  expect(await isThere(port)).toBe(false);
  await callers.close();
});
