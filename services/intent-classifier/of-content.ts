/** The intent of content without text. */
import type { Content } from '../../contracts/content.ts';
import type { Judgement } from './cascade.ts';

type Type = Content['type'];
/** Emoji of a mood: small talk, whichever they are. */
const playful: ReadonlySet<Type> = new Set(['sticker', 'dice', 'game']);
/** Content that cannot be classified. */
const silent: ReadonlySet<Type> = new Set(['unknown', 'notice']);

const certain = (intent: Judgement['intent']): Judgement => ({ intent, isCertain: true, isUrgent: false, confidence: 1, stage: 'pattern' });

/** A basket of the catalog is an order, with any text. */
export const isOrder = (content: readonly Content[]): boolean => content.some(({ type }) => type === 'order');

/**
 * The intent of a message without text. A photo, a place or a document has no certain intent: a person has to look.
 * Null if its content is of no known kind: then there is nothing to classify.
 */
export function judgeContent(content: readonly Content[]): Judgement | null {
  if (isOrder(content)) return certain('order');
  const known = content.filter(({ type }) => !silent.has(type));
  if (known.length === 0) return null;
  return known.every(({ type }) => playful.has(type)) ? certain('none') : { ...certain('none'), isCertain: false, confidence: 0.5 };
}
