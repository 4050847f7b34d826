import { afterEach, expect, test } from '@jest/globals';
import { createHttp } from '../http.ts';
import { telephonyConformance } from './conformance.ts';
import { type Fault, startFakeGateway } from './http.fake.ts';
import { httpGateway, httpGatewaySettings } from './http.ts';

const signal = AbortSignal.timeout(60_000);
let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});
async function fixture(settings: Record<string, string> = {}) {
  const gateway = await startFakeGateway();
  const http = createHttp({ allowPrivate: [new URL(gateway.url).origin] });
  open.push(gateway, http);
  const telephony = httpGateway(httpGatewaySettings.parse({ TELEPHONY_URL: gateway.url, ...settings }), { http });
  const dial = (to: string, at = signal) => telephony.dial.attempt({ callId: 'call_1', to }, { ref: 'r1', signal: at });
  return { gateway, telephony, dial };
}

telephonyConformance('an HTTP gateway', { referenced: false, followed: false }, async () => {
  const { gateway, telephony } = await fixture();
  return {
    telephony,
    placed: async () => gateway.placed.map(({ phone }) => phone),
    refuse: () => gateway.order('refuse'),
  };
});

test('the gateway is asked for the last nine digits and nothing else', async () => {
  const { gateway, dial } = await fixture();
  expect(await dial('+79995553322')).toEqual({ legId: 'r1', reportsEnd: false });
  expect(gateway.placed).toEqual([{ phone: '995553322' }]);
});

test('the dial plan and the reference follow their settings', async () => {
  const { gateway, dial } = await fixture({ TELEPHONY_DIAL_PLAN: 'last:7', TELEPHONY_SEND_REFERENCE: 'true' });
  await dial('+79995553322');
  expect(gateway.placed).toEqual([{ phone: '5553322', ref: 'r1' }]);
});

test.each<[Fault, object, number]>([
  ['refuse', { code: 'failed_precondition', reason: 'gateway_refused', outcome: 'not_executed' }, 0],
  ['busy', { code: 'resource_exhausted', retryAfterMs: 1000, outcome: 'not_executed' }, 0],
  ['reset_before', { code: 'upstream_failed', outcome: 'unknown' }, 0],
  ['reset_after', { code: 'upstream_failed', outcome: 'unknown' }, 1],
  ['error_after', { code: 'upstream_failed', outcome: 'unknown' }, 1],
])('%s is reported as it is: %j', async (fault, expected, placed) => {
  const { gateway, dial } = await fixture();
  gateway.order(fault);
  await expect(dial('+79995553322')).rejects.toMatchObject(expected);
  expect(gateway.placed).toHaveLength(placed);
});

test('a gateway that never answers is given up with the attempt, and the outcome is unknown', async () => {
  const { gateway, dial } = await fixture();
  gateway.order('hang');
  await expect(dial('+79995553322', AbortSignal.timeout(100))).rejects.toMatchObject({ outcome: 'unknown' });
});

test.each([302, 408, 503])('status %d leaves it open whether the phone rang', async (status) => {
  const answer = { status, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => null };
  const telephony = httpGateway(httpGatewaySettings.parse({ TELEPHONY_URL: 'http://gateway.example/call' }), { http: async () => answer });
  const dialling = telephony.dial.attempt({ callId: 'call_1', to: '+79995553322' }, { ref: 'r1', signal });
  await expect(dialling).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
});

test.each(['last:9', 'last:7', 'e164'])('the evidence of a refusal does not hold what was dialled by %s', async (plan) => {
  const { gateway, dial } = await fixture({ TELEPHONY_DIAL_PLAN: plan });
  gateway.order('refuse');
  await expect(dial('+79995553322')).rejects.toMatchObject({
    evidence: { request: `POST ${new URL(gateway.url).host}/call`, status: 422, lastBytes: 'no route to ***3322' },
  });
});

test('the fake gateway meets its share of faults, the same for the same seed', async () => {
  const run = async (seed: number) => {
    const gateway = await startFakeGateway({ percent: { refuse: 30 }, seed });
    open.push(gateway);
    const statuses: number[] = [];
    for (let n = 0; n < 100; n += 1) statuses.push((await fetch(gateway.url, { method: 'POST', body: '{"phone":"5553322"}' })).status);
    return statuses;
  };
  const [one, same, other] = await Promise.all([run(1), run(1), run(2)]);
  expect(one).toEqual(same);
  expect(one).not.toEqual(other);
  const refused = one.filter((status) => status === 422).length;
  expect(refused).toBeGreaterThan(15);
  expect(refused).toBeLessThan(45);
});
