/** Whether a customer has finished a sentence: a fragment waits longer for the rest. */

const ended = /[.!?…)\p{Extended_Pictographic}]\s*$/u;
/** A text of fewer words without an end is a fragment. */
const wholeWords = 3;

export const isWhole = (text: string): boolean => ended.test(text) || (text.match(/[\p{L}\p{N}]+/gu) ?? []).length >= wholeWords;
