/** What a person who looks may see: the conditions of every statement that shows a customer's things. */
import type { z } from 'zod';
import { narrowedTo, type Viewer as ViewerSchema } from '../../../contracts/common.ts';

export type Viewer = z.output<typeof ViewerSchema>;
/** Adds a parameter to a statement, and returns its name. */
export type AddValue = (given: unknown) => string;

/** The parameters of a statement; the first ones are given. */
export function parameters(...values: unknown[]): { readonly values: readonly unknown[]; readonly value: AddValue } {
  return { values, value: (given) => `$${values.push(given)}` };
}

/** Conditions for rows of `collector.chats` under the alias; none for a person who sees all chats. */
export function seenChats(viewer: Viewer, chat: string, value: AddValue): readonly string[] {
  const personId = narrowedTo(viewer);
  return personId === null ? [] : [`(${chat}.assigned_to is null or ${chat}.assigned_to = ${value(personId)})`];
}
