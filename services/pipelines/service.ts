/** Runs the pipelines, and shows the journal to people. */
import { z } from 'zod';
import { journalDesk } from '../../adapters/store/desk.ts';
import { service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { journal } from '../../contracts/journal.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { backlog } from './backlog.ts';
import { journalHandlers } from './journal.ts';
import { leadToCall } from './lead-to-call.ts';

export default service({
  serves: { pipelines, journal },
  uses: [crm.push_to_crm, calls.start_call, calls.call_ended, crm.log_call, crm.create_task],
  settings: z.object({}),
}).start(async ({ db, metrics, now }) => {
  metrics.sample(() => backlog(db));
  return {
    pipelines: { lead_to_call: leadToCall },
    journal: journalHandlers(journalDesk(db), metrics, now),
  };
});
