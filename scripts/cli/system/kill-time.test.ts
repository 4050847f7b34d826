import { beforeAll, expect, test } from '@jest/globals';
import { type Expected, expectedServices } from './expected.ts';
import { killMsOf, killTimes } from './kill-time.ts';
import { readSettings } from './settings.ts';

let all: readonly Expected[];
beforeAll(async () => {
  all = await expectedServices();
});
const settingsWith = (values: Readonly<Record<string, string>>) =>
  readSettings(all, (...names) => {
    const name = names.find((each) => each in values);
    return name === undefined ? undefined : { value: values[name] as string, from: 'the test' };
  });
const of = (folder: string) => all.filter((each) => each.folder === folder);

test('PM2 kills a service no sooner than its drain and its work in progress may take', () => {
  const settings = settingsWith({ TELEPHONY_DRAIN_MS: '10m', POLYB_SHUTDOWN_MS: '20s' });
  expect(killMsOf(of('telephony-gateway'), settings)).toBe(600_000 + 20_000 + 10_000);
  expect(killMsOf(of('crm-connector'), settings)).toBe(20_000 + 10_000);
  expect(killMsOf(all, settings)).toBe(630_000);
});

test('the times of services that an up does not name are kept', () => {
  const [gateway] = of('telephony-gateway');
  const before = { POLYB_KILL_MS_TTS: '7', POLYB_KILL_MS_TELEPHONY_GATEWAY: '8', NATS_URL: 'nats://127.0.0.1:4222' };
  const named = { ...(gateway as Expected), app: 'telephony-gateway' };
  const settings = readSettings([named], () => undefined);
  expect(killTimes([named], settings, before)).toEqual({
    POLYB_KILL_MS_TTS: '7',
    POLYB_KILL_MS_TELEPHONY_GATEWAY: String(killMsOf([named], settings)),
  });
});
