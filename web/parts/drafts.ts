/** Rows that wait for a person, and what a page knows of their input. */

import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { type Risk, risksOf } from './risks.ts';

export type Row = OutputOf<typeof journal.list>['items'][number];
/** Input of `messages.deliver`; of another method there is none, and its input is shown as it is. */
export interface Draft {
  readonly chatId: string;
  readonly channel: string;
  readonly text: string;
  readonly customer: { readonly name: string | null; readonly said: string | null; readonly at: string | null } | null;
  readonly options: readonly string[];
  readonly attachment: string | null;
  readonly template: string | null;
  readonly writtenBy: string | null;
}

export function draftOf({ method, input }: Pick<Row, 'method' | 'input'>): Draft | null {
  if (method !== 'messages.deliver' || !isRecord(input)) return null;
  const { chatId, channel, text, customer, choices, media, template, writtenBy } = input;
  if (typeof chatId !== 'string' || typeof channel !== 'string' || typeof text !== 'string') return null;
  return {
    chatId,
    channel,
    text,
    customer: isRecord(customer) ? { name: textOr(customer.name), said: textOr(customer.said), at: textOr(customer.at) } : null,
    options:
      isRecord(choices) && Array.isArray(choices.options) ? choices.options.map((option: { title?: unknown }) => String(option.title)) : [],
    attachment: isRecord(media) ? String(media.kind) : null,
    template: isRecord(template) ? String(template.name) : null,
    writtenBy: textOr(writtenBy),
  };
}

/** UTF-16 units that the channels accept. Beside options or a file some accept fewer. */
export function mostUnits({ options, attachment }: Draft): number {
  return options.length > 0 || attachment !== null ? 1_024 : 4_096;
}
export const risksOfRow = (row: Row): readonly Risk[] => risksOf(draftOf(row)?.text ?? '');

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
