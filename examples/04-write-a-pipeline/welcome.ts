import { pipeline } from '../../bus/durable/pipeline.ts';
import { visits } from './contract.ts';

export const welcome = pipeline(visits.welcome)
  .step('held', visits.hold_table, ({ input }) => input)
  .waitFor('answer', visits.confirmed, ({ input }) => input.visitId, { timeoutMs: 3_000 })
  .delay('breath', 100)
  .step('laid', visits.lay_table, ({ held, answer }) => ({ table: held.table, seats: answer?.seats ?? 1 }), {
    when: ({ answer }) => answer !== null,
  })
  .output(({ held, laid }) => ({ table: held.table, laidFor: laid?.laidFor ?? null }));
