import { expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { until } from '../../../test/kit/until.ts';
import { createHttp } from '../../http.ts';
import { legConformance, type Network } from '../../telephony/leg-conformance.ts';
import { voximplantFake, voximplantUser } from './fake.ts';
import { voximplantSettings, voximplantTelephony } from './telephony.ts';

const path = 'secret-path-of-inbound-calls';

async function network(settings: Readonly<Record<string, string>> = {}): Promise<Network> {
  const port = await freePort();
  const fake = await voximplantFake();
  const http = createHttp({ allowPrivate: [fake.url] });
  const options = voximplantSettings.parse({
    TELEPHONY_MEDIA_LISTEN: `127.0.0.1:${port}-${port + 20}`,
    VOXIMPLANT_URL: fake.url,
    VOXIMPLANT_CREDENTIALS: voximplantUser.credentials,
    VOXIMPLANT_RULE_ID: String(voximplantUser.ruleId),
    VOXIMPLANT_CALLER_ID: '74951234567',
    VOXIMPLANT_INBOUND_PATH: path,
    ...settings,
  });
  let taken = 0;
  return {
    gateway: voximplantTelephony(options, { http, log: quiet, now: Date.now }),
    async next() {
      const call = await until(() => fake.calls[taken]);
      taken += 1;
      return call;
    },
    placed: () => fake.calls.length,
    refuseNext: () => void fake.order({ do: 'refuse', status: 200, body: { error: { code: 340, msg: 'The money is not enough.' } } }),
    call: async (from, to) => fake.call(`ws://127.0.0.1:${port}/${path}`, from, to),
    async close() {
      await http.close();
      await fake.close();
    },
  };
}
const host = { changed: () => {}, offered: () => {}, held: () => {}, answered: () => {}, saved: async () => null, save: async () => {} };
const identify = () => ({ legId: 'leg_1', callId: 'call_1' });

legConformance('voximplant', { receivesCalls: true, sendsDtmf: true, transfers: true }, network);

test.each([
  ['a rule that is unknown', { VOXIMPLANT_RULE_ID: '322' }],
  ['a URL that a scenario would not see whole', { TELEPHONY_MEDIA_URL: `wss://${'media.'.repeat(25)}example` }],
])('%s rings nobody, and the refusal is definite', async (_, settings) => {
  const at = await network(settings);
  const server = await at.gateway.start({ ...host, identify });
  const placing = server.place({ callId: 'call_1', to: '+79995553322' }, { legId: 'leg_1', signal: AbortSignal.timeout(10_000) });
  await expect(placing).rejects.toMatchObject({ code: 'failed_precondition', reason: 'gateway_refused', outcome: 'not_executed' });
  expect(at.placed()).toBe(0);
  await server.close();
  await at.close();
});

test('credentials that are no service account are refused at the start', () => {
  expect(() =>
    voximplantTelephony(
      {
        ...voximplantSettings.parse({
          VOXIMPLANT_CREDENTIALS: '{"account_id":1}',
          VOXIMPLANT_RULE_ID: '1',
          VOXIMPLANT_CALLER_ID: '74951234567',
        }),
      },
      { http: () => Promise.reject(new Error('not asked')), log: quiet, now: Date.now },
    ),
  ).toThrow(expect.objectContaining({ reason: 'bad_settings' }));
});
