import { afterEach, expect, test } from '@jest/globals';
import { PolybError } from '../../contracts/errors.ts';
import type { Http } from '../deps.ts';
import { telephonyConformance } from './conformance.ts';
import { type FakeGateway, type Fault, startFakeGateway } from './gateway.fake.ts';
import { httpGateway, httpGatewaySettings } from './http.ts';

const signal = AbortSignal.timeout(60_000);
/** What the guarded client promises, as far as a gateway on loopback can tell. */
const http: Http = async ({ method, url, headers, body, signal }) => {
  try {
    const answer = await fetch(url, { method, headers: { ...headers }, body: body as string, signal, redirect: 'manual' });
    const read = await answer.text();
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      bytes: Buffer.from(read),
      text: () => read,
      json: () => JSON.parse(read),
    };
  } catch (error) {
    const refused = (error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED';
    throw new PolybError(refused ? 'unavailable' : 'upstream_failed', 'No answer.', { cause: error });
  }
};

let gateways: FakeGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  gateways = [];
});
async function fixture(settings: Record<string, string> = {}) {
  const gateway = await startFakeGateway();
  gateways.push(gateway);
  const telephony = httpGateway(httpGatewaySettings.parse({ TELEPHONY_URL: gateway.url, ...settings }), { http });
  const dial = (phoneNumber: string, at = signal) => telephony.dial.attempt({ callId: 'call_1', phoneNumber }, { ref: 'r1', signal: at });
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
])('%s is told as it is: %j', async (fault, expected, placed) => {
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
  const dialling = telephony.dial.attempt({ callId: 'call_1', phoneNumber: '+79995553322' }, { ref: 'r1', signal });
  await expect(dialling).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
});

test('the evidence of a refusal holds no whole phone and no query', async () => {
  const gateway = await startFakeGateway();
  gateways.push(gateway);
  const telephony = httpGateway(httpGatewaySettings.parse({ TELEPHONY_URL: `${gateway.url}?key=secret` }), { http });
  gateway.order('refuse');
  const dialling = telephony.dial.attempt({ callId: 'call_1', phoneNumber: '+79995553322' }, { ref: 'r1', signal });
  await expect(dialling).rejects.toMatchObject({
    evidence: {
      request: `POST ${new URL(gateway.url).host}/call`,
      status: 422,
      lastBytes: 'no route to *****3322',
    },
  });
});

test('the fake gateway meets its share of faults, the same for the same seed', async () => {
  const run = async (seed: number) => {
    const gateway = await startFakeGateway({ percent: { refuse: 30 }, seed });
    gateways.push(gateway);
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
