import { afterEach, expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { until } from '../../../test/kit/until.ts';
import { type FarCall, legConformance, type Network } from '../../telephony/leg-conformance.ts';
import type { LegHost } from '../../telephony/leg-gateway.ts';
import type { Leg, LegChange } from '../../telephony/port.ts';
import { type FakeBrowser, fakeBrowser } from './fake.ts';
import { RingData, type Softphones, type WebrtcDeps, webrtcSettings, webrtcTelephony } from './telephony.ts';

const options = { ...webrtcSettings.parse({}), WEBRTC_LISTEN: '127.0.0.1:8400-8499' };
const gatewayOf = (deps: Partial<WebrtcDeps> = {}) => webrtcTelephony(options, { log: quiet, now: Date.now, hasPage: () => true, ...deps });

/** The far end is a browser whose page is played by the test: it learns of rings and ends as the service does. */
async function network(): Promise<Network> {
  const rings: { readonly legId: string; readonly ring: string }[] = [];
  const ended = new Set<string>();
  const browsers: FakeBrowser[] = [];
  let isRefused = false;
  let taken = 0;
  let softphones: Softphones;
  function far(legId: string, ring: string, browser: FakeBrowser): FarCall {
    let packets = -1;
    return {
      ring() {},
      async answer() {
        await browser.accept((await softphones.take(legId, { ring, offer: browser.offer })).answer);
      },
      refuse: () => void softphones.refuse(legId, { ring, cause: 'busy' }),
      hangUp: () => softphones.hangUp(legId),
      isConnected: browser.isConnected,
      speak: browser.speak,
      press: browser.press,
      heard: browser.heard,
      hasEnded() {
        const isSilent = packets === browser.packets();
        packets = browser.packets();
        return ended.has(legId) && isSilent;
      },
    };
  }
  async function browse(): Promise<FakeBrowser> {
    const browser = await fakeBrowser();
    browsers.push(browser);
    return browser;
  }
  return {
    gateway: {
      async start(host) {
        softphones = await gatewayOf().start({
          ...host,
          changed(change) {
            if (change.state === 'ended') ended.add(change.legId);
            host.changed(change);
          },
          save(legId, data) {
            rings.push({ legId, ...RingData.parse(data) });
            host.save(legId, data);
          },
        });
        return { ...softphones, place: (dial, at) => softphones.place({ ...dial, to: isRefused ? dial.to : 'person:anna' }, at) };
      },
    },
    async next() {
      const { legId, ring } = await until(() => rings[taken]);
      taken += 1;
      return far(legId, ring, await browse());
    },
    placed: () => rings.length,
    refuseNext() {
      isRefused = true;
    },
    async call(from, to) {
      const browser = await browse();
      const { legId, answer } = await softphones.call({ from, to, offer: browser.offer });
      await browser.accept(answer);
      return far(legId, '', browser);
    },
    async close() {
      for (const browser of browsers) await browser.vanish();
    },
  };
}
legConformance('webrtc', { receivesCalls: true, sendsDtmf: false, transfers: false, abandons: false }, network);

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});
async function setup(deps: Partial<WebrtcDeps> = {}) {
  const changes: LegChange[] = [];
  const offered: Leg[] = [];
  const keys: string[] = [];
  let ring = '';
  const host: LegHost = {
    changed: (change) => void changes.push(change),
    offered: (leg) => void offered.push(leg),
    held: (leg) => void leg.media.listen({ frame() {}, fact: (fact) => void ('dtmf' in fact && keys.push(fact.dtmf)) }),
    answered() {},
    identify: () => ({ legId: 'leg_in', callId: 'call_in' }),
    saved: async () => null,
    save(_, data) {
      ({ ring } = RingData.parse(data));
    },
  };
  const softphones = await gatewayOf(deps).start(host);
  const browser = await fakeBrowser();
  opened.push(softphones.close, browser.vanish);
  const signal = AbortSignal.timeout(60_000);
  return {
    softphones,
    browser,
    changes,
    offered,
    keys,
    ring: async () => {
      await softphones.place({ callId: 'call_1', to: 'person:anna' }, { legId: 'leg_1', signal });
      return ring;
    },
    signal,
    ended: () => until(() => changes.find(({ state }) => state === 'ended')),
  };
}

test('keys of a page that sends them beside its audio are reported', async () => {
  const it = await setup();
  const { answer } = await it.softphones.call({ from: 'person:anna', to: '100', offer: it.browser.offer });
  expect(() => it.softphones.press('leg_in', '5')).toThrow(expect.objectContaining({ reason: 'not_answered' }));
  await it.browser.accept(answer);
  await it.offered[0]?.answer(it.signal);
  await until(it.browser.isConnected);
  it.softphones.press('leg_in', '5#');
  expect(it.keys).toEqual(['5', '#']);
});

test.each([
  ['without audio', (offer: string) => offer.replace('m=audio', 'm=video'), /audio line/],
  ['without PCMU', (offer: string) => offer.replace('SAVPF 0 ', 'SAVPF 8 '), /PCMU at 8 kHz/],
  ['without encryption', (offer: string) => offer.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), /DTLS-SRTP/],
  ['without ICE credentials', (offer: string) => offer.replace(/a=ice-ufrag.*\r\n/, ''), /ice-ufrag/],
  ['larger than 20 kB', (offer: string) => `${offer}${'a=x:y\r\n'.repeat(3_000)}`, /at most 20000 bytes/],
  ['that is not SDP', () => '{"type":"offer"}', /begins with v=0/],
  ['with a broken fingerprint', (offer: string) => offer.replace(/a=fingerprint:.*/, 'a=fingerprint:x'), /a browser made|fingerprint/],
])('an offer %s is refused, and the refusal names what is expected', async (_, broken, expected) => {
  const it = await setup();
  const call = it.softphones.call({ from: 'person:anna', to: '100', offer: broken(it.browser.offer) });
  await expect(call).rejects.toMatchObject({ code: 'invalid_argument', reason: 'bad_offer', message: expect.stringMatching(expected) });
  expect(it.offered).toEqual([]);
  expect(it.softphones.trunks()).toMatchObject([{ legs: 0 }]);
});

test('a ring is good for one answer: the second page is refused, and so is a token that was guessed', async () => {
  const it = await setup();
  const ring = await it.ring();
  await expect(it.softphones.take('leg_1', { ring: 'guess', offer: it.browser.offer })).rejects.toMatchObject({ reason: 'ring_over' });
  const { answer } = await it.softphones.take('leg_1', { ring, offer: it.browser.offer });
  const second = await fakeBrowser();
  opened.push(second.vanish);
  await expect(it.softphones.take('leg_1', { ring, offer: second.offer })).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'ring_over',
  });
  await it.browser.accept(answer);
  await until(() => it.changes.some(({ state }) => state === 'answered'));
});

test('an offer that cannot be answered leaves the ring to another page', async () => {
  const it = await setup();
  const ring = await it.ring();
  await expect(it.softphones.take('leg_1', { ring, offer: 'v=0' })).rejects.toMatchObject({ reason: 'bad_offer' });
  await it.softphones.take('leg_1', { ring, offer: it.browser.offer });
});

test('a person without an open page is unreachable at once', async () => {
  const it = await setup({ hasPage: () => false });
  await it.ring();
  expect(it.changes).toMatchObject([{ state: 'ended', outcome: 'failed', hangUpCause: 'unreachable' }]);
});

test('a browser that never connects ends its leg', async () => {
  const it = await setup({ limits: { connectMs: 200 } });
  await it.softphones.take('leg_1', { ring: await it.ring(), offer: it.browser.offer });
  expect(await it.ended()).toMatchObject({ outcome: 'failed', hangUpCause: 'network_failure' });
  expect(it.softphones.leg('leg_1')).toBeUndefined();
});

test('an answer has the public address where one is set, and no other', async () => {
  const gateway = webrtcTelephony({ ...options, WEBRTC_PUBLIC_ADDRESS: '203.0.113.7' }, { log: quiet, now: Date.now, hasPage: () => true });
  const softphones = await gateway.start({
    ...{ changed() {}, offered() {}, held() {}, answered() {}, save() {}, saved: async () => null },
    identify: () => ({ legId: 'leg_in', callId: 'call_in' }),
  });
  const browser = await fakeBrowser();
  opened.push(softphones.close, browser.vanish);
  const { answer } = await softphones.call({ from: 'person:anna', to: '100', offer: browser.offer });
  expect([...answer.matchAll(/^a=candidate:\S+ \d+ udp \d+ (\S+)/gm)].map(([, address]) => address)).toEqual(['203.0.113.7']);
});

test('a tab that vanishes ends its leg', async () => {
  const it = await setup({ limits: { silentMs: 400 } });
  const { answer } = await it.softphones.take('leg_1', { ring: await it.ring(), offer: it.browser.offer });
  await it.browser.accept(answer);
  await until(() => it.changes.some(({ state }) => state === 'answered'));
  await it.browser.vanish();
  expect(await it.ended()).toMatchObject({ outcome: 'answered', hangUpCause: 'media_lost', endedBy: 'remote' });
});
