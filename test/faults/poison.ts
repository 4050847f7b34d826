/** The contract of the services that hold poison: work that ends or stalls whichever process takes it. */
import { z } from 'zod';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';

const Item = z.string().min(1).max(80);
/** `crash` ends its process, `stall` holds its event loop for longer than its lease, `none` is a neighbour. */
export const harms = ['none', 'crash', 'stall'] as const;
export type Harm = (typeof harms)[number];
const Work = z.strictObject({ item: Item, harm: z.enum(harms) });
const Done = z.object({ item: Item });

export const poison = contract('fault_poison', '1.0.0', {
  digest: method({ summary: 'Harms as told.', input: Work, output: Done, idempotency: 'keyed', timeoutMs: 10_000 }),
  submit: method({
    summary: 'Sends a digest, or emits an event.',
    input: Work.extend({ as: z.enum(['send', 'event']) }),
    output: Done,
    idempotency: 'keyed',
    timeoutMs: 10_000,
  }),
  ask: method({ summary: 'A step that needs approval.', input: Work, output: Done, idempotency: 'keyed', approval: 'staff' }),
  flow: pipelineMethod({ summary: 'One digest.', input: Work, output: Done }),
  patience: pipelineMethod({ summary: 'A digest, an approval, a wait.', input: Work, output: Done }),
  happened: event({ summary: 'Harms as told.', payload: Work, key: 'item' }),
  told: event({ summary: 'What a run waits for.', payload: z.object({ item: Item }), key: 'item' }),
});
