/** Classifications of messages, in versions, and the phrases that decide on their own. */
import type { z } from 'zod';
import type { Queries } from '../../bus/service.ts';
import type { IntentStage, Pattern as PatternSchema } from '../../contracts/intents.ts';
import { analysisOwners } from './chat-owners.ts';
import type { IntentName } from './model.ts';

export type Pattern = z.output<typeof PatternSchema>;
export interface Analysis {
  readonly messageId: string;
  readonly chatId: string;
  readonly messageAt: Date;
  readonly intent: IntentName;
  readonly isCertain: boolean;
  readonly isUrgent: boolean;
  readonly confidence: number;
  readonly stage: z.output<typeof IntentStage>;
}
export interface NewAnalysis extends Analysis {
  readonly llm: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly judgedAt: Date;
  /** The person who corrected it; null: it was classified. */
  readonly who: string | null;
}

/** The number of the new version, which is the latest from now on. The lane of classify_message ensures one at a time. */
export async function insertAnalysis(tx: Queries, row: NewAnalysis): Promise<number> {
  await tx.query('update intent_classifier.message_analysis set is_latest = false where message_id = $1 and is_latest', [row.messageId]);
  const [inserted] = await tx.query<{ version: number }>(
    `insert into intent_classifier.message_analysis
       (message_id, version, chat_id, message_at, intent, is_certain, is_urgent, confidence, stage, llm, input_tokens, output_tokens, judged_at, who)
     select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
     from intent_classifier.message_analysis where message_id = $1
     returning version`,
    [
      ...[row.messageId, row.chatId, row.messageAt, row.intent, row.isCertain, row.isUrgent, row.confidence, row.stage],
      ...[row.llm, row.inputTokens, row.outputTokens, row.judgedAt, row.who],
    ],
  );
  return inserted?.version ?? 1;
}

/** The stage and urgency of the latest version; null if the message was never classified. */
export async function latestAnalysis(tx: Queries, messageId: string): Promise<Pick<Analysis, 'stage' | 'isUrgent'> | null> {
  const [row] = await tx.query<Pick<Analysis, 'stage' | 'isUrgent'>>(
    `select stage, is_urgent as "isUrgent" from intent_classifier.message_analysis where message_id = $1 and is_latest`,
    [messageId],
  );
  return row ?? null;
}

/**
 * Messages for which a language model should have been asked and was not, at most `limit`: five minutes after the first attempt,
 * an hour after the second, twelve after the third, then no more.
 */
export function unanswered(
  tx: Queries,
  now: Date,
  limit: number,
): Promise<readonly { readonly messageId: string; readonly version: number }[]> {
  return tx.query(
    `select message_id as "messageId", version from intent_classifier.message_analysis
     where is_latest and not is_certain and stage = 'local' and llm is not null and version <= 3
       and judged_at > $1::timestamptz - interval '1 day' and judged_at <= $1::timestamptz - interval '5 minutes' * power(12, version - 1)
     order by judged_at limit $2`,
    [now, limit],
  );
}

export interface Total {
  readonly intent: IntentName;
  readonly messages: number;
  readonly urgent: number;
  readonly uncertain: number;
  readonly meanConfidence: number | null;
}
/** Of the latest versions of messages sent at `since` or later and before `until`. */
export function intentTotals(db: Queries, since: Date | null, until: Date | null): Promise<readonly Total[]> {
  return db.query<Total>(
    `select intent, count(*)::int as messages, count(*) filter (where is_urgent)::int as urgent,
            count(*) filter (where not is_certain)::int as uncertain, avg(confidence) as "meanConfidence"
     from intent_classifier.message_analysis
     where is_latest and ($1::timestamptz is null or message_at >= $1) and ($2::timestamptz is null or message_at < $2)
     group by intent`,
    [since, until],
  );
}

export interface DayTotal {
  /** `2026-05-31` in the requested time zone. */
  readonly day: string;
  readonly intent: IntentName;
  readonly messages: number;
  readonly urgent: number;
}
/** Today and the `days - 1` days before it, those with messages, latest first. */
export function dailyTotals(db: Queries, days: number, timeZone: string, now: Date): Promise<readonly DayTotal[]> {
  return db.query<DayTotal>(
    `select to_char(message_at at time zone $2, 'YYYY-MM-DD') as day, intent, count(*)::int as messages,
            count(*) filter (where is_urgent)::int as urgent
     from intent_classifier.message_analysis
     where is_latest and message_at >= (($3::timestamptz at time zone $2)::date - ($1::int - 1))::timestamp at time zone $2
       and message_at < (($3::timestamptz at time zone $2)::date + 1)::timestamp at time zone $2
     group by 1, 2 order by 1 desc`,
    [days, timeZone, now],
  );
}

/** At most `limit` urgent messages, latest first, after `after`. */
export async function urgentMessages(
  db: Queries,
  wanted: {
    readonly since: Date | null;
    readonly intent: IntentName | null;
    readonly after: { at: Date; messageId: string } | null;
    /** The person whose chats are shown, with those of nobody; null: all. */
    readonly seenBy: string | null;
  },
  limit: number,
): Promise<readonly Analysis[]> {
  return db.query<Analysis>(
    `select message_id as "messageId", chat_id as "chatId", message_at as "messageAt", intent, is_certain as "isCertain",
            is_urgent as "isUrgent", confidence, stage
     from intent_classifier.message_analysis
     where is_latest and is_urgent and ($1::timestamptz is null or message_at >= $1) and ($2::text is null or intent = $2)
       and ($3::timestamptz is null or (message_at, message_id) < ($3, $4)) and ${analysisOwners.isSeen('message_analysis.chat_id', '$6')}
     order by message_at desc, message_id desc limit $5`,
    [wanted.since, wanted.intent, wanted.after?.at ?? null, wanted.after?.messageId ?? null, limit, wanted.seenBy],
  );
}

export async function dropAnalyses(tx: Queries, messageIds: readonly string[]): Promise<void> {
  await tx.query('delete from intent_classifier.message_analysis where message_id = any ($1)', [messageIds]);
}
/** By either clock: a channel may date a message in the future. */
export async function dropAnalysesBefore(db: Queries, before: Date): Promise<void> {
  await db.query('delete from intent_classifier.message_analysis where message_at < $1 or judged_at < $1', [before]);
}

export function listPatterns(db: Queries, limit: number): Promise<readonly Pattern[]> {
  return db.query<Pattern>(
    `select pattern_id as "patternId", phrase, intent, is_urgent as "isUrgent", rank
     from intent_classifier.message_patterns order by rank, pattern_id limit $1`,
    [limit],
  );
}

/** False when there are already `limit` others: nothing was written. */
export async function putPattern(tx: Queries, { patternId, phrase, intent, isUrgent, rank }: Pattern, limit: number): Promise<boolean> {
  await tx.query('lock table intent_classifier.message_patterns in share row exclusive mode');
  const written = await tx.query(
    `insert into intent_classifier.message_patterns (pattern_id, phrase, intent, is_urgent, rank)
     select $1, $2, $3, $4, $5
     where (select count(*) from intent_classifier.message_patterns where pattern_id <> $1) < $6
     on conflict (pattern_id) do update set phrase = excluded.phrase, intent = excluded.intent, is_urgent = excluded.is_urgent, rank = excluded.rank
     returning 1`,
    [patternId, phrase, intent, isUrgent, rank, limit],
  );
  return written.length > 0;
}

export async function removePattern(db: Queries, patternId: string): Promise<void> {
  await db.query('delete from intent_classifier.message_patterns where pattern_id = $1', [patternId]);
}
