import { randomUUID } from 'node:crypto';
import { lookup } from '../../config/env.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { connect } from '../../runtime/client.ts';

if ((lookup('TELEPHONY_KIND') ?? 'simulator') !== 'simulator')
  throw new Error('This example would ring a real phone; run it with the simulator.');
await using system = await connect();
const { call } = system.bus;

// The same key is the same request. Derive it from the cause of the call: a submitted form, a received message.
const form = randomUUID();
const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber: '8 (999) 555-33-22' };

const pushed = await call(crm.push_to_crm, lead, { key: `push-${form}` });
const repeated = await call(crm.push_to_crm, lead, { key: `push-${form}` });
console.log(`${pushed.status}, and ${pushed.phoneNumber} is in E.164`);
console.log(`the same key returns the same lead: ${repeated.leadId === pushed.leadId}`);

const begun = await call(pipelines.lead_to_call, lead, { key: `call-${form}` });
const ended = await call(pipelines.lead_to_call, { ...lead, waitMs: 20_000 }, { key: `call-${form}` });
console.log(`the run continues without this program, and the same key attaches to it: ${ended.runId === begun.runId}`);
console.log(`${ended.status}: ${ended.output?.outcome}`);

console.log(await outcomeOf(call(crm.push_to_crm, { ...lead, firstName: 'Пётр' }, { key: `push-${form}` })));
console.log(await outcomeOf(call(crm.push_to_crm, { ...lead, phoneNumber: '12' }, { key: randomUUID() })));
console.log(await outcomeOf(call(calls.get_call, { callId: 'call_of_nobody' })));

/** How a caller handles failures: the reason is more specific than the code, but only the code is always present. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!isPolybError(error)) throw error;
    switch (error.reason ?? error.code) {
      case 'key_reused':
        return 'key_reused: the key belongs to another input; use a new key';
      case 'pending':
      case 'in_progress':
        return `${error.reason}: still in progress; repeat the request with the same key`;
      default:
        return `${error.code}: ${error.message} (${error.outcome === 'unknown' ? 'may have been executed' : 'not executed'})`;
    }
  }
}
