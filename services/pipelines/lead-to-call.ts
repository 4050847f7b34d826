import type { z } from 'zod';
import { pipeline } from '../../bus/durable/pipeline.ts';
import { calls } from '../../contracts/calls.ts';
import { type CallOutcome, crm } from '../../contracts/crm.ts';
import { pipelines } from '../../contracts/pipelines.ts';

/** Tasks for staff by outcome of the call. */
const subjects: Readonly<Record<z.output<typeof CallOutcome>, string>> = {
  answered: 'Перезвонить',
  busy: 'Перезвонить: было занято',
  no_answer: 'Перезвонить: не ответили',
  rejected: 'Перезвонить: звонок сбросили',
  cancelled: 'Перезвонить: звонок отменён до ответа',
  failed: 'Перезвонить: не удалось позвонить',
  unknown: 'Перезвонить: неизвестно, состоялся ли разговор',
};

export const leadToCall = pipeline(pipelines.lead_to_call)
  .step('pushed', crm.push_to_crm, ({ input }) => input)
  .step('call', calls.start_call, ({ pushed }) => pushed)
  .waitFor('ended', calls.call_ended, ({ call }) => call.callId, { timeoutMs: 30 * 60_000 })
  .step('logged', crm.log_call, ({ pushed, call, ended }) => ({
    leadId: pushed.leadId,
    contactId: pushed.contactId,
    callId: call.callId,
    phoneNumber: call.phoneNumber,
    outcome: ended?.outcome ?? 'unknown',
    startedAt: ended?.startedAt ?? call.createdAt,
    durationMs: ended?.durationMs ?? 0,
  }))
  .step(
    'task',
    crm.create_task,
    ({ pushed, ended }) => ({ about: { kind: 'lead' as const, id: pushed.leadId }, subject: subjects[ended?.outcome ?? 'unknown'] }),
    { when: ({ ended }) => ended?.outcome !== 'answered' },
  )
  .output(({ pushed, call, ended, task }) => ({
    leadId: pushed.leadId,
    callId: call.callId,
    outcome: ended?.outcome ?? 'unknown',
    taskId: task?.taskId ?? null,
  }));
