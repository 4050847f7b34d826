import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { until } from '../../test/kit/until.ts';
import { loopback, loopbackSettings } from './loopback.ts';
import type { FarPhone } from './loopback-leg.ts';
import { mediaConformance, type RemotePhone } from './media-conformance.ts';
import type { LegChange, LegHost } from './port.ts';

const parts = { now: Date.now, log: quiet };
function remote(phone: FarPhone): RemotePhone {
  const heard: Uint8Array[] = [];
  phone.hear((audio) => void heard.push(audio));
  return {
    answer: phone.answer,
    hangUp: () => phone.hangUp(),
    hold: phone.hold,
    press: phone.press,
    say: phone.say,
    heard: () => Buffer.concat(heard),
    keys: () => phone.keys,
  };
}

mediaConformance('the loopback gateway', until, async () => {
  const phones: RemotePhone[] = [];
  const dialled: string[] = [];
  const telephony = loopback(loopbackSettings.parse({}), parts, (phone) => {
    phone.ring();
    phones.push(remote(phone));
  });
  const { attempt } = telephony.dial;
  return {
    telephony: {
      ...telephony,
      dial: {
        ...telephony.dial,
        async attempt(input, at) {
          const before = phones.length;
          const leg = await attempt(input, at);
          if (phones.length > before) dialled.push(input.callId);
          return leg;
        },
      },
    },
    dialled: (callId) => phones[dialled.indexOf(callId)],
    call: async (from, to) => remote(await telephony.call(from, to)),
  };
});

/** Dials a number whose person follows the script, and returns what was reported of the leg. */
async function scripted(script: unknown): Promise<{ changes: readonly LegChange[]; keys: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'far-end-'));
  const file = join(folder, 'script.json');
  await writeFile(file, JSON.stringify(script));
  const telephony = loopback(loopbackSettings.parse({ TELEPHONY_FAR_END: file }), parts);
  const changes: LegChange[] = [];
  let keys = '';
  const host: LegHost = {
    ...{
      hold: async () => true,
      find: async () => null,
      saved: async () => null,
      release: async () => {},
      save: async () => {},
      failed() {},
      offered() {},
    },
    changed: (change) => void changes.push(change),
    answered({ media }) {
      media.listen({
        frame() {},
        fact(fact) {
          if ('dtmf' in fact) keys += fact.dtmf;
        },
      });
      media.play({ id: 'prompt', audio: new Uint8Array(480).fill(5) });
    },
  };
  const server = await telephony.start(host);
  await telephony.dial.attempt({ callId: 'call_1', to: '+79995553322' }, { ref: 'r1', signal: AbortSignal.timeout(60_000) });
  await until(() => changes.some(({ state }) => state === 'ended'));
  await server.close();
  await rm(folder, { recursive: true });
  return { changes, keys };
}

test('a scripted person answers, presses keys after what they heard, and hangs up', async () => {
  const { changes, keys } = await scripted({ ringMs: 0, acts: [{ quietMs: 60 }, { press: '5#' }, { waitMs: 1 }, { hangUp: true }] });
  expect(keys).toBe('5#');
  expect(changes.map(({ state }) => state)).toEqual(['ringing', 'answered', 'ended']);
});

test.each(['busy', 'rejected', 'no_answer'] as const)('a scripted person can be %s', async (answer) => {
  const { changes } = await scripted({ ringMs: 0, answer });
  expect(changes.at(-1)).toMatchObject({ outcome: answer, hangUpCause: answer });
});

test('an invalid script ends the call', async () => {
  expect((await scripted({ acts: [{ dance: true }] })).changes.at(-1)).toMatchObject({ outcome: 'rejected' });
});
