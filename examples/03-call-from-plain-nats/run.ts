import { lookup } from '../../config/env.ts';
import { plainNats } from './plain-nats.ts';

const url = lookup('NATS_URL');
if (url === undefined) throw new Error('NATS_URL is not set; run polyb up first.');
const nats = plainNats(url);
const subject = `${lookup('POLYB_SUBJECT_PREFIX') ?? 'polyb'}.rpc.crm.push_to_crm`;

for (const lead of [{ firstName: 'Анна', phoneNumber: '+79995553344' }, { firstName: 'Анна' }]) {
  const key = crypto.randomUUID();
  const { headers, body } = await nats.request(subject, { 'idempotency-key': key, 'polyb-timeout-ms': '5000' }, JSON.stringify(lead));
  console.log(`> ${JSON.stringify(lead)}`);
  for (const line of [...headers.split('\r\n').slice(1), body]) console.log(`< ${line}`);
}
nats.close();
