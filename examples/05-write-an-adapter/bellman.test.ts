import { afterEach, expect, test } from '@jest/globals';
import { createHttp } from '../../adapters/http.ts';
import { telephonyConformance } from '../../adapters/telephony/conformance.ts';
import { bellman } from './bellman.ts';
import { startGateway } from './gateway.ts';

let started: AsyncDisposableStack;
afterEach(() => started.disposeAsync());

async function fixture({ token = 'secret' } = {}) {
  started = new AsyncDisposableStack();
  const gateway = started.use(await startGateway('secret'));
  const http = started.adopt(createHttp({ allowPrivate: [gateway.url] }), (client) => client.close());
  const telephony = bellman({ BELLMAN_URL: gateway.url, BELLMAN_TOKEN: token }, { http });
  const at = { ref: 'call_1', signal: AbortSignal.timeout(10_000) };
  const dial = () => telephony.dial.attempt({ callId: 'call_1', to: '+79995553322' }, at);
  return { gateway, telephony, dial };
}

telephonyConformance('Bellman', { referenced: true, followed: false }, async () => {
  const { gateway, telephony } = await fixture();
  return { telephony, placed: async () => [...gateway.rung.values()], refuse: () => gateway.order('refuse') };
});

test('a lost answer is unknown, and the same reference again rings nobody', async () => {
  const { gateway, dial } = await fixture();
  gateway.order('lose_answer');
  await expect(dial()).rejects.toMatchObject({ outcome: 'unknown' });
  expect(await dial()).toEqual({ legId: 'call_1', reportsEnd: false });
  expect([...gateway.rung]).toEqual([['call_1', '+79995553322']]);
});

test('an answer that the documents do not name leaves it open whether the phone rang', async () => {
  const { dial } = await fixture({ token: 'wrong' });
  await expect(dial()).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
});
