import { review } from '../contracts/kit/define.ts';
import { PolybError } from '../contracts/kit/errors.ts';

/** The error of a method that a provider does not offer; no request is sent. @param what `Leads`, `Booking by a phone` */
export function unsupported(provider: string, what: string): PolybError {
  return new PolybError('unimplemented', `${provider} does not support this: ${what}. polyb crm capabilities shows what it does.`, {
    reason: 'unsupported',
    outcome: 'not_executed',
  });
}
/** An effect that a provider does not offer. */
export function unsupportedEffect(provider: string, what: string): { attempt(): Promise<never>; readonly onUnknown: typeof review } {
  return { attempt: () => Promise.reject(unsupported(provider, what)), onUnknown: review };
}
