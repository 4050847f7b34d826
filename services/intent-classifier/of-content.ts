/** What content says without words. */
import type { Content } from '../../contracts/content.ts';
import type { Judgement } from './cascade.ts';

type Type = Content['type'];
/** Signs of a mood: small talk, whatever they show. */
const playful: ReadonlySet<Type> = new Set(['sticker', 'dice', 'game']);
/** Nothing that anybody could judge. */
const silent: ReadonlySet<Type> = new Set(['unknown', 'notice']);

const certain = (intent: Judgement['intent']): Judgement => ({ intent, isCertain: true, isUrgent: false, confidence: 1, stage: 'pattern' });

/** A basket of the catalog is an order, whatever words come with it. */
export const isOrder = (content: readonly Content[]): boolean => content.some(({ type }) => type === 'order');

/**
 * The intent of a message without words. A photo, a place or a document has none that is certain: a person has to look.
 * Null when its content is of no known kind: then there is nothing to judge.
 */
export function judgeContent(content: readonly Content[]): Judgement | null {
  if (isOrder(content)) return certain('order');
  const known = content.filter(({ type }) => !silent.has(type));
  if (known.length === 0) return null;
  return known.every(({ type }) => playful.has(type)) ? certain('none') : { ...certain('none'), isCertain: false, confidence: 0.5 };
}
