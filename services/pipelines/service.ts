/** Runs the pipelines. */
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { leadToCall } from './lead-to-call.ts';

export default service({
  serves: { pipelines },
  uses: [crm.push_to_crm, calls.start_call, calls.call_ended, crm.log_call, crm.create_task],
  settings: z.object({}),
}).start(async () => ({ pipelines: { lead_to_call: leadToCall } }));
