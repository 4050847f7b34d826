/** What a turn works with. */
import type { Context, Database, Log } from '../../bus/service.ts';
import type { dialog } from '../../contracts/dialog.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Counting } from '../../contracts/kit/metric.ts';
import type { Company } from './company.ts';
import type { Prompts } from './prompts.ts';
import type { Rules } from './rules.ts';
import type { DialogSettings } from './settings.ts';
import type { Streams } from './streams.ts';

export interface DialogParts {
  readonly db: Database;
  readonly settings: DialogSettings;
  readonly company: (call: Context['call']) => Promise<Company>;
  readonly prompts: Prompts;
  readonly rules: Rules;
  readonly metrics: Counting;
  readonly log: Log;
  readonly now: () => number;
  /** Streams of this process that hear what the turn does. */
  readonly listeners: Pick<Streams, 'onTool' | 'onStep'>;
}

export type Chat = OutputOf<typeof inbox.chat_context>;

export type ChatMessage = Chat['messages'][number];

export type Answer = OutputOf<typeof dialog.take_turn>;

export type Said = NonNullable<ParsedOf<typeof dialog.take_turn>['said']>;

/** The latest messages and turns that the model reads. */
export const remembered = { messages: 30, turns: 12 } as const;

export const dayMs = 86_400_000;

export function gone(error: unknown): null {
  if (isPolybError(error) && error.code === 'not_found') return null;
  throw error;
}
