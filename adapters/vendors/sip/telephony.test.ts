import { randomBytes } from 'node:crypto';
import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { sipPhones } from '../../../test/kit/sip-phone.ts';
import { until } from '../../../test/kit/until.ts';
import { legConformance, type Network } from '../../telephony/leg-conformance.ts';
import { sipSettings } from './settings.ts';
import { sipTelephony } from './telephony.ts';

async function network(settings: Readonly<Record<string, string>> = {}, srtpKey?: string): Promise<Network> {
  const phones = await sipPhones({ srtpKey });
  const port = await freePort();
  const options = sipSettings.parse({ SIP_TRUNK: phones.uri, SIP_PORT: String(port), SIP_CALLER_ID: '+74951234567', ...settings });
  let taken = 0;
  return {
    gateway: sipTelephony(options, { log: quiet, now: Date.now }),
    async next() {
      const call = await until(() => phones.calls[taken]);
      taken += 1;
      return call;
    },
    placed: () => phones.calls.length,
    call: (from, to) => phones.call(`sip:${to}@127.0.0.1:${port}`, `sip:${from}@127.0.0.1`),
    close: () => phones.close(),
  };
}

const abilities = { receivesCalls: true, sendsDtmf: true, transfers: true };
legConformance('sip', abilities, () => network());
legConformance('sip with SRTP', abilities, () => network({ SIP_SRTP: 'required' }, randomBytes(30).toString('base64')));
