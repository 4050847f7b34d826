/** A tool of the agent: what the model sees of it, who decides on it, and what it does. */
import type { z } from 'zod';
import type { Call } from '../../../bus/service.ts';
import type { ToolOutcome, ToolPolicy } from '../../../contracts/dialog.ts';
import type { Method } from '../../../contracts/kit/define.ts';
import type { Company } from '../company.ts';
import type { ProposalDetails } from '../rows/proposals.ts';
import type { Deed, Memory, OfferedSlot, Session, State } from '../rows/sessions.ts';
import type { DialogSettings } from '../settings.ts';

export type Policy = z.output<typeof ToolPolicy>;
/** A change of the customer's data or of ours that the tool asks for; the turn carries it out at its end. */
export type Ask =
  | {
      readonly is: 'propose';
      readonly what: 'create' | 'move' | 'cancel';
      readonly input: Readonly<Record<string, unknown>>;
      readonly details: ProposalDetails;
      readonly ttlMs: number;
      /** Of whom the appointment is. */
      readonly phone: string | null;
    }
  | { readonly is: 'call_back'; readonly input: { readonly leadId: string; readonly phoneNumber: string } }
  | { readonly is: 'hand_over'; readonly reason: string; readonly summary: string }
  | { readonly is: 'offer_slots'; readonly slots: readonly OfferedSlot[] }
  | { readonly is: 'prove_phone' };
export interface ToolResult {
  readonly outcome: z.output<typeof ToolOutcome>;
  /** JSON for the model. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly asks?: readonly Ask[];
  readonly remember?: Partial<Memory>;
  readonly deed?: Deed;
  readonly name?: string;
}
export interface ToolContext {
  readonly session: Session;
  readonly memory: Memory;
  readonly company: Company;
  readonly settings: DialogSettings;
  readonly call: Call;
  /** `<turn>:<step>:<n>`: the key of what the call changes. */
  readonly key: string;
  /** Unix ms. */
  readonly now: number;
  /** Bookings of a phone in the last 24 hours. */
  readonly bookings: (phone: string) => Promise<number>;
}
export interface Tool<I extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** The method that it leads to: its name is an alias of the tool, its summary the first line of the description. */
  readonly of: Method | null;
  /** For the model, after the summary of the method. */
  readonly hint: string;
  readonly input: I;
  readonly policy: Policy;
  /** It changes something, at once or after a decision. */
  readonly isWrite: boolean;
  readonly states: readonly State[] | 'all';
  run(input: z.output<I>, context: ToolContext): Promise<ToolResult>;
}
export const tool = <I extends z.ZodType>(of: Tool<I>): Tool => of as unknown as Tool;

export const refused = (
  outcome: 'not_allowed' | 'not_known' | 'bad_arguments' | 'budget' | 'failed',
  detail: string,
  more: object = {},
): ToolResult => ({
  outcome,
  result: { error: outcome === 'failed' ? 'failed' : outcome, detail, ...more },
});
