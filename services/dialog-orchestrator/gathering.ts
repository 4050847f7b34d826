/** Whether a customer has finished a sentence: a fragment waits longer for the rest. */

const ended = /[.!?…)\p{Extended_Pictographic}]\s*$/u;
/** A text of fewer words without an end is a fragment. */
const wholeWords = 3;

export const isWhole = (text: string): boolean => ended.test(text) || (text.match(/[\p{L}\p{N}]+/gu) ?? []).length >= wholeWords;

/** An input comes by an event, soon after the inbox has its message; one that is older has none, as a command has. */
const eventMs = 5_000;
interface Written {
  readonly messageId: string;
  readonly isOfCustomer: boolean;
  readonly sentAt: string;
}
/**
 * Whether the customer wrote more than the turn was given: the inbox has a message after `last`, the one that the turn would answer, whose
 * event is still on its way. A reply now would answer half a sentence, and show the model the other half as said before.
 */
export function isBehind(messages: readonly Written[], last: string | null, now: number): boolean {
  return (
    last !== null &&
    messages.some(({ messageId, isOfCustomer, sentAt }) => isOfCustomer && messageId > last && now - Date.parse(sentAt) < eventMs)
  );
}
