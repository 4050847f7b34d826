/** Pipelines: one keyed method each. Their definitions are in `services/pipelines`. */
import { z } from 'zod';
import { Id } from './common.ts';
import { CallOutcome, PushToCrm } from './crm.ts';
import { contract, type Method, method } from './kit/define.ts';

export const RunStatus = z.enum(['running', 'waiting', 'completed', 'failed', 'cancelled', 'expired']);
type RunReply<O extends z.ZodType> = z.ZodObject<{ runId: typeof Id; status: typeof RunStatus; output: z.ZodNullable<O> }>;
type PipelineInput<S extends z.core.$ZodShape> = z.ZodObject<S & { waitMs: z.ZodDefault<z.ZodInt> }, z.core.$strict>;

/** The method of a pipeline returns `{ runId, status, output }`: at once, or when the run ends within the input's `waitMs` (up to 30 s). */
export function pipelineMethod<S extends z.core.$ZodShape, O extends z.ZodType>(spec: {
  readonly summary: string;
  readonly input: z.ZodObject<S, z.core.$strict>;
  readonly output: O;
  /** Maximum duration of a run; default one day. */
  readonly deadlineMs?: number;
  readonly reaches?: 'customer';
  readonly examples?: readonly unknown[];
}) {
  const input = z.strictObject({
    ...spec.input.shape,
    waitMs: z.int().min(0).max(30_000).default(0).describe('How long to wait for the run to end, in ms.'),
  });
  const output = z.object({ runId: Id, status: RunStatus, output: spec.output.nullable() });
  return method({
    summary: spec.summary,
    input: input as unknown as PipelineInput<S>,
    output: output as unknown as RunReply<O>,
    idempotency: 'keyed',
    timeoutMs: 35_000,
    ttlMs: spec.deadlineMs ?? 86_400_000,
    unhashed: ['waitMs'] as never,
    ...(spec.reaches === undefined ? {} : { reaches: spec.reaches }),
    examples: (spec.examples ?? []) as never,
  });
}
/** Output of a completed run. */
export type RunOutputOf<M> =
  M extends Method<z.ZodType, z.ZodObject<{ runId: typeof Id; status: typeof RunStatus; output: z.ZodNullable<infer O extends z.ZodType> }>>
    ? z.output<O>
    : never;

export const pipelines = contract('pipelines', '2.0.0', {
  lead_to_call: pipelineMethod({
    summary: 'Push a lead to the CRM, call it, log the call, and create a task for staff when the call is not answered.',
    input: PushToCrm,
    output: z.object({
      leadId: Id,
      callId: Id,
      outcome: CallOutcome,
      taskId: Id.nullable().describe('Set when the call was not answered.'),
    }),
    reaches: 'customer',
    examples: [{ firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995553322' }],
  }),
});
