import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { sipPhones } from '../../../test/kit/sip-phone.ts';
import { until } from '../../../test/kit/until.ts';
import { legConformance, type Network } from '../../telephony/leg-conformance.ts';
import type { LegHost } from '../../telephony/leg-gateway.ts';
import type { LegChange } from '../../telephony/port.ts';
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

test('a caller gives up while its call rings at an instance that drains: the leg ends as cancelled, although the CANCEL reaches the next instance', async () => {
  const phones = await sipPhones();
  const port = await freePort();
  const gateway = sipTelephony(sipSettings.parse({ SIP_TRUNK: phones.uri, SIP_PORT: String(port) }), { log: quiet, now: Date.now });
  const rows: Record<string, unknown>[] = [];
  const start = async () => {
    const changes: LegChange[] = [];
    const host: LegHost = {
      ...{ held() {}, offered() {}, answered() {}, changed: (change) => void changes.push(change) },
      identify: () => ({ legId: 'leg_1', callId: 'call_1' }),
      save: async (_, dialog) => void rows.push(dialog as Record<string, unknown>),
      saved: async (fields) => rows.find((row) => Object.entries(fields).every(([name, value]) => row[name] === value)) ?? null,
    };
    return { changes, server: await gateway.start(host) };
  };
  const old = await start();
  const caller = await phones.call(`sip:100@127.0.0.1:${port}`, 'sip:200@127.0.0.1');
  await until(() => old.changes.length === 1 && rows.length === 1);
  const next = await start();
  const drained = old.server.drain(AbortSignal.timeout(60_000));
  caller.hangUp();
  await drained;
  expect(old.changes).toMatchObject([{ state: 'ringing' }, { state: 'ended', hangUpCause: 'cancelled', endedBy: 'remote' }]);
  await until(() => caller.hasEnded());
  expect(next.changes).toEqual([]);
  await Promise.all([old.server.close(), next.server.close(), phones.close()]);
});
