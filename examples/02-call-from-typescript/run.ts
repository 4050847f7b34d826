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

// The same key is the same request. Take it from what caused the call: the form that was filled in, the message that came.
const form = randomUUID();
const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber: '8 (999) 555-33-22' };

const pushed = await call(crm.push_to_crm, lead, { key: `push-${form}` });
const repeated = await call(crm.push_to_crm, lead, { key: `push-${form}` });
console.log(`${pushed.status}, and ${pushed.phoneNumber} is in E.164`);
console.log(`the same key gives the same lead: ${repeated.leadId === pushed.leadId}`);

const begun = await call(pipelines.lead_to_call, lead, { key: `call-${form}` });
const ended = await call(pipelines.lead_to_call, { ...lead, waitMs: 20_000 }, { key: `call-${form}` });
console.log(`the run goes on without us, and the same key attaches to it: ${ended.runId === begun.runId}`);
console.log(`${ended.status}: ${ended.output?.outcome}`);

console.log(await outcomeOf(call(crm.push_to_crm, { ...lead, firstName: 'Пётр' }, { key: `push-${form}` })));
console.log(await outcomeOf(call(crm.push_to_crm, { ...lead, phoneNumber: '12' }, { key: randomUUID() })));
console.log(await outcomeOf(call(calls.get_call, { callId: 'call_of_nobody' })));

/** What a caller does about each failure: the reason says more than the code, and the code is always there. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!isPolybError(error)) throw error;
    switch (error.reason ?? error.code) {
      case 'key_reused':
        return 'key_reused: that key belongs to another input; make a new one';
      case 'pending':
      case 'in_progress':
        return `${error.reason}: still under way; ask again with the same key`;
      default:
        return `${error.code}: ${error.message} (${error.outcome === 'unknown' ? 'it may have happened' : 'nothing was done'})`;
    }
  }
}
