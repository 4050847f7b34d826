import { expect, test } from '@jest/globals';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until } from '../../test/kit/until.ts';
import { heldTelephony } from './held-telephony.ts';
import type { LegHost as Reports } from './leg-gateway.ts';
import type { Leg, LegHost } from './port.ts';

async function fixture() {
  const log: string[] = [];
  const held = new Map<string, string>();
  let refusal: Error | undefined;
  let reports: Reports | undefined;
  const telephony = heldTelephony({
    async start(given) {
      reports = given;
      return {
        async place({ to }) {
          if (refusal) throw refusal;
          log.push(`place ${to}`);
        },
        ...{ leg: () => undefined, abandon: async ({ data }) => void log.push(`abandon ${data}`), trunks: () => [] },
        ...{ drain: async () => {}, close: async () => {} },
      };
    },
  });
  const host: LegHost = {
    async hold({ legId, direction }, ref) {
      await new Promise((resolve) => setImmediate(resolve));
      if (held.has(ref)) return false;
      held.set(ref, legId);
      log.push(`hold ${direction}`);
      return true;
    },
    find: async (ref) => held.get(ref) ?? null,
    saved: async () => null,
    release: async (legId) => void [...held].filter(([, each]) => each === legId).map(([ref]) => held.delete(ref)),
    save: async () => void log.push('save'),
    failed: (thrown) => void log.push(String(thrown)),
    ...{ changed() {}, offered: () => void log.push('offer'), answered() {} },
  };
  await telephony.start?.(host);
  const dial = () => telephony.dial.attempt({ callId: 'call_1', to: '+79995553322' }, { ref: 'r1', signal: AbortSignal.timeout(10_000) });
  return { telephony, reports: reports as unknown as Reports, log, held, dial, refuse: (error: Error | undefined) => (refusal = error) };
}

test('a leg has its row before it is placed, and a reference used again places nothing', async () => {
  const { dial, log } = await fixture();
  const leg = await dial();
  expect(await dial()).toEqual(leg);
  expect(log).toEqual(['hold out', 'place +79995553322']);
});

test('after a refusal the reference may dial again; after a failure with an unknown outcome it finds the leg', async () => {
  const { dial, refuse, held, telephony } = await fixture();
  refuse(new PolybError('failed_precondition', 'no', { reason: 'gateway_refused' }));
  await expect(dial()).rejects.toMatchObject({ outcome: 'not_executed' });
  expect(held.size).toBe(0);
  refuse(new PolybError('upstream_failed', 'lost'));
  await expect(dial()).rejects.toMatchObject({ outcome: 'unknown' });
  const { onUnknown } = telephony.dial;
  if (onUnknown.do !== 'look_up') throw new Error('nothing to look up with');
  const input = { callId: 'call_1', to: '+79995553322' };
  expect(await onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, AbortSignal.timeout(1_000))).toEqual({
    legId: held.get('r1'),
    reportsEnd: true,
  });
});

test('an inbound leg is offered and saved after its row is there', async () => {
  const { reports, log } = await fixture();
  const leg = { ...reports.identify(), direction: 'in', from: null, to: '100' } as unknown as Leg; // the part that is read
  reports.held(leg);
  const saved = reports.save(leg.legId, {});
  reports.offered(leg);
  await until(() => log.length === 3);
  await saved;
  expect(log).toEqual(['hold in', 'save', 'offer']);
});
