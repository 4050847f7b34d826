import { z } from 'zod';
import { Id } from '../../contracts/common.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';

const visit = z.strictObject({ visitId: Id });

export const visits = contract('visits', '1.0.0', {
  hold_table: method({
    summary: 'Hold a table.',
    input: visit,
    output: z.object({ table: z.int().min(1).max(99) }),
    idempotency: 'keyed',
  }),
  confirm: method({
    summary: 'The guest comes.',
    input: visit.extend({ seats: z.int().min(1).max(12) }),
    output: z.object({}),
    idempotency: 'keyed',
  }),
  confirmed: event({ summary: 'The guest comes.', payload: z.object({ visitId: Id, seats: z.int().min(1).max(12) }), key: 'visitId' }),
  lay_table: method({
    summary: 'Lay a table.',
    input: z.strictObject({ table: z.int().min(1).max(99), seats: z.int().min(1).max(12) }),
    output: z.object({ laidFor: z.int().min(1).max(12) }),
    idempotency: 'keyed',
  }),
  welcome: pipelineMethod({
    summary: 'Hold a table, and lay it when the guest says that they come.',
    input: visit,
    output: z.object({ table: z.int().min(1).max(99), laidFor: z.int().min(1).max(12).nullable() }),
  }),
});
