import { expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { until } from '../../../test/kit/until.ts';
import { createHttp } from '../../http.ts';
import { legConformance, type Network } from '../../telephony/leg-conformance.ts';
import { twilioFake, twilioUser } from './fake.ts';
import { twilioSignature } from './signature.ts';
import { twilioSettings, twilioTelephony } from './telephony.ts';

const path = 'secret-path-of-inbound-calls';

async function network(): Promise<Network & { readonly webhook: string }> {
  const port = await freePort();
  const fake = await twilioFake();
  const http = createHttp({ allowPrivate: [fake.url] });
  const settings = {
    TELEPHONY_MEDIA_LISTEN: `127.0.0.1:${port}-${port + 20}`,
    TWILIO_URL: fake.url,
    TWILIO_ACCOUNT_SID: twilioUser.accountSid,
    TWILIO_AUTH_TOKEN: twilioUser.authToken,
    TWILIO_CALLER_ID: '+15005550006',
    TWILIO_INBOUND_PATH: path,
  };
  const webhook = `http://127.0.0.1:${port}/${path}`;
  let taken = 0;
  return {
    webhook,
    gateway: twilioTelephony(twilioSettings.parse(settings), { http, log: quiet, now: Date.now }),
    async next() {
      const call = await until(() => fake.calls[taken]);
      taken += 1;
      return call;
    },
    placed: () => fake.calls.length,
    refuseNext: () =>
      void fake.order({
        do: 'refuse',
        on: 'POST Calls.json',
        status: 400,
        body: { code: 21211, message: "Invalid 'To' Phone Number", status: 400 },
      }),
    call: (from, to) => fake.call(webhook, from, to),
    async close() {
      await http.close();
      await fake.close();
    },
  };
}

legConformance('twilio', { receivesCalls: true, sendsDtmf: false, transfers: true }, network);

test('a signature is that of the example of the documentation', () => {
  const fields = { CallSid: 'CA1234567890ABCDE', Caller: '+14158675309', Digits: '1234', From: '+14158675309', To: '+18005551212' };
  expect(twilioSignature('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', fields)).toBe('RSOYDt4T1cUTdK1PDd93/VVr8B8=');
});

test('a request that Twilio did not sign rings nobody', async () => {
  const at = await network();
  const offered: unknown[] = [];
  const host = { changed: () => {}, offered: (leg: unknown) => void offered.push(leg), held: () => {}, answered: () => {} };
  const server = await at.gateway.start({
    ...host,
    identify: () => ({ legId: 'leg_1', callId: 'call_1' }),
    save: async () => {},
    saved: async () => null,
  });
  const post = (signature: string) =>
    fetch(at.webhook, {
      method: 'POST',
      headers: { 'x-twilio-signature': signature },
      body: new URLSearchParams({ CallSid: 'CA1', From: '+1', To: '+2' }),
    });
  expect((await post('')).status).toBe(403);
  expect((await post(twilioSignature('another token', at.webhook, { CallSid: 'CA1', From: '+1', To: '+2' }))).status).toBe(403);
  expect(offered).toEqual([]);
  await server.close();
  await at.close();
});
