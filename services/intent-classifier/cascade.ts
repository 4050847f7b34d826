/** Patterns, then the local model, then a language model for messages of which the local one is not certain. */
import type { z } from 'zod';
import type { Classified } from '../../contracts/intents.ts';
import type { AskLlm } from './ask-llm.ts';
import { isAssent } from './assents.ts';
import { readChars, wordsOf } from './features.ts';
import { type Guess, type IntentName, type LocalModel, leastCertain } from './model.ts';
import type { Phrase } from './phrases.ts';
import { isUrgent } from './urgency.ts';

export interface KnownPattern {
  readonly fits: Phrase;
  readonly intent: IntentName;
  readonly isUrgent: boolean;
}
export type Judgement = z.output<typeof Classified>;
export interface Cost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The language model that answered, or all that were there to be asked; null when none was asked. */
  readonly llm: string | null;
}
export interface Stages {
  /** In the order of matching. */
  readonly patterns: () => Promise<readonly KnownPattern[]>;
  readonly local: LocalModel;
  /** Null without a key: the first two stages decide. */
  readonly askLlm: AskLlm | null;
}
export type Cascade = (
  text: string,
  at: {
    readonly ref?: string | undefined;
    /** The text follows a question of the business. */
    readonly answersQuestion?: boolean | undefined;
    readonly signal: AbortSignal;
  },
) => Promise<Judgement & { readonly cost: Cost }>;

export const free: Cost = { inputTokens: 0, outputTokens: 0, llm: null };

/** A text without a letter, digit or sign has no meaning, not even small talk. */
export function cascade({ patterns, local, askLlm }: Stages): Cascade {
  return async (text, at) => {
    if (text.trim() === '') return { intent: 'none', isCertain: false, isUrgent: false, confidence: 0, stage: 'pattern', cost: free };
    const words = wordsOf(text.slice(0, readChars));
    const known = (await patterns()).find(({ fits }) => fits(words));
    if (known !== undefined)
      return {
        intent: known.intent,
        isCertain: true,
        isUrgent: known.isUrgent || isUrgent(text),
        confidence: 1,
        stage: 'pattern',
        cost: free,
      };
    const guess = local(text);
    if (isAssent(text)) return { ...assent(guess, at.answersQuestion ?? false), isUrgent: isUrgent(text), stage: 'pattern', cost: free };
    const locally = { ...guess, isUrgent: isUrgent(text), stage: 'local' as const };
    if (guess.isCertain || askLlm === null) return { ...locally, cost: free };
    const { opinion, ...cost } = await askLlm(text, at);
    if (opinion === null) return { ...locally, cost };
    return { ...opinion, isUrgent: opinion.isUrgent || isUrgent(text), stage: 'llm', cost };
  };
}

/** No model of any size can know what an assent without a question refers to. */
function assent(guess: Guess, answersQuestion: boolean): Guess {
  return answersQuestion
    ? { intent: 'confirmation', confidence: 0.95, isCertain: true }
    : { ...guess, confidence: Math.min(guess.confidence, leastCertain), isCertain: false };
}
