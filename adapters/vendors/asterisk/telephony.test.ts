import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { until } from '../../../test/kit/until.ts';
import { createHttp } from '../../http.ts';
import { legConformance, type Network } from '../../telephony/leg-conformance.ts';
import { asteriskFake, asteriskUser } from './fake.ts';
import { asteriskSettings, asteriskTelephony } from './telephony.ts';

const path = 'secret-path-of-the-media';

async function network(control: 'json' | 'text'): Promise<Network> {
  const port = await freePort();
  const fake = await asteriskFake({ control, clientUrl: (client) => `ws://127.0.0.1:${client.replace('polyb-', '')}/${path}` });
  const http = createHttp({ allowPrivate: [fake.url] });
  const settings = {
    // A second instance takes the next port.
    TELEPHONY_MEDIA_LISTEN: `127.0.0.1:${port}-${port + 20}`,
    ASTERISK_URL: `${fake.url}/ari`,
    ASTERISK_USER: asteriskUser.user,
    ASTERISK_PASSWORD: asteriskUser.password,
    ASTERISK_MEDIA_PATH: path,
    ASTERISK_CONTROL: control,
  };
  let taken = 0;
  return {
    gateway: asteriskTelephony(asteriskSettings.parse(settings), { http, log: quiet, now: Date.now }),
    async next() {
      const call = await until(() => fake.calls[taken]);
      taken += 1;
      return call;
    },
    placed: () => fake.calls.length,
    refuseNext: () => void fake.order({ do: 'refuse', on: 'POST channels', status: 400, body: { message: 'Invalid endpoint specified' } }),
    call: async (from, to) => fake.call(`ws://127.0.0.1:${port}/${path}`, from, to),
    async close() {
      await http.close();
      await fake.close();
    },
  };
}
const abilities = { receivesCalls: true, sendsDtmf: true, transfers: true };
legConformance('asterisk, JSON control', abilities, () => network('json'));
legConformance('asterisk, text control', abilities, () => network('text'));
