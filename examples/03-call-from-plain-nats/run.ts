import { lookup } from '../../config/env.ts';
import { plainNats } from './plain-nats.ts';

const nats = plainNats(lookup('NATS_URL') ?? 'nats://127.0.0.1:4222');
const subject = `${lookup('POLYB_SUBJECT_PREFIX') ?? 'polyb'}.rpc.crm.push_to_crm`;

for (const lead of [{ firstName: 'Анна', phoneNumber: '+79995553344' }, { firstName: 'Анна' }]) {
  const key = crypto.randomUUID();
  const { headers, body } = await nats.request(subject, { 'idempotency-key': key, 'polyb-timeout-ms': '5000' }, JSON.stringify(lead));
  console.log(`> ${JSON.stringify(lead)}`);
  for (const line of [...headers.split('\r\n').slice(1), body]) console.log(`< ${line}`);
}
nats.close();
