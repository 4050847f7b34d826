/** A scripted conversation with the effects that it must have. */
import { z } from 'zod';
import { DialogLanguage, DialogState, ProposalKind } from '../../../contracts/dialog.ts';

const Pattern = z
  .string()
  .min(1)
  .refine((text) => compiled(text) !== null, 'a regular expression');
const Expectation = z.strictObject({
  state: DialogState.optional(),
  /** The reply matches it, and does not match `not`. */
  reply: Pattern.optional(),
  not: Pattern.optional(),
  /** The answer proposes exactly this. */
  proposal: z.enum([...ProposalKind.options, 'none']).optional(),
  /** At least so many options. */
  choices: z.int().min(0).optional(),
});
const Step = z
  .strictObject({
    say: z.string().min(1).max(4096).optional(),
    /** The number of an option of an answer, or a pattern for its title. */
    choose: z.union([z.int().min(1), Pattern]).optional(),
    /** The step whose options are meant, from 1; the last one if absent. For a late press. */
    of: z.int().min(1).optional(),
    expect: Expectation.optional(),
  })
  .refine(({ say, choose }) => (say === undefined) !== (choose === undefined), 'either say or choose');
export const Script = z.strictObject({
  name: z.string().min(1).max(200),
  language: DialogLanguage.optional(),
  /** States the phone of the conversation with the first message; `{phone}` in a text says it. */
  phone: z.boolean().default(false),
  steps: z.array(Step).min(1).max(40),
  effects: z.strictObject({
    booked: z.int().min(0).default(0),
    moved: z.int().min(0).default(0),
    cancelled: z.int().min(0).default(0),
    handedOver: z.boolean().default(false),
  }),
});
export type Script = z.output<typeof Script>;
export type Effects = Script['effects'];

/** Case does not matter; null for a text that is no pattern. */
export function compiled(text: string): RegExp | null {
  try {
    return new RegExp(text, 'iu');
  } catch {
    return null;
  }
}
