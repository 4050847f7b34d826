/** Turns with their answers and tool calls. */
import type { z } from 'zod';
import type { Queries } from '../../../bus/service.ts';
import type { ToolOutcome, ToolPolicy } from '../../../contracts/dialog.ts';
import type { State } from './sessions.ts';

export type ReplyBy = 'model' | 'repair' | 'plain' | 'ours' | 'none';
export interface StepRow {
  readonly step: number;
  readonly model: string;
  readonly text: string;
  readonly isDropped: boolean;
  readonly ms: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}
export interface ToolRow {
  readonly step: number;
  readonly n: number;
  readonly name: string;
  readonly policy: z.output<typeof ToolPolicy> | null;
  readonly arguments: unknown;
  readonly hash: string;
  readonly outcome: z.output<typeof ToolOutcome>;
  readonly result: unknown;
  readonly ms: number;
}
export interface TurnRow {
  readonly turnId: string;
  readonly sessionId: string;
  readonly said: readonly string[];
  readonly reply: string | null;
  readonly replyBy: ReplyBy;
  readonly before: State;
  readonly state: State;
  readonly intent: string | null;
  readonly model: string | null;
  readonly promptHash: string | null;
  readonly steps: readonly StepRow[];
  readonly findings: readonly { readonly kind: string; readonly sentence: string }[];
  readonly startedAt: Date;
  readonly ms: number;
}
const columns = `turn_id as "turnId", session_id as "sessionId", said, reply, reply_by as "replyBy", before, state, intent, model, prompt_hash as "promptHash",
  steps, findings, started_at as "startedAt", ms`;

export async function insertTurn(tx: Queries, of: TurnRow, tools: readonly ToolRow[]): Promise<void> {
  await tx.query(
    `with turn as (
       insert into dialog_orchestrator.turns (turn_id, session_id, said, reply, reply_by, before, state, intent, model, prompt_hash, steps, findings, started_at, ms)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))
     insert into dialog_orchestrator.tool_calls (turn_id, step, n, name, policy, arguments, hash, outcome, result, ms)
     select $1, step, n, name, policy, arguments, hash, outcome, result, ms
     from json_to_recordset($15) as t (step integer, n integer, name text, policy text, arguments jsonb, hash text, outcome text, result jsonb, ms integer)`,
    [
      ...[of.turnId, of.sessionId, JSON.stringify(of.said), of.reply, of.replyBy, of.before, of.state, of.intent, of.model, of.promptHash],
      ...[JSON.stringify(of.steps), JSON.stringify(of.findings), of.startedAt, of.ms, JSON.stringify(tools)],
    ],
  );
}
/** The latest turns, oldest first. */
export async function latestTurns(db: Queries, sessionId: string, limit: number, since?: Date): Promise<readonly TurnRow[]> {
  const rows = await db.query<TurnRow>(
    `select ${columns} from dialog_orchestrator.turns where session_id = $1 and ($3::timestamptz is null or started_at >= $3) order by seq desc limit $2`,
    [sessionId, limit, since ?? null],
  );
  return rows.toReversed();
}
export async function toolsOf(db: Queries, turnIds: readonly string[]): Promise<ReadonlyMap<string, readonly ToolRow[]>> {
  const rows = await db.query<ToolRow & { readonly turnId: string }>(
    `select turn_id as "turnId", step, n, name, policy, arguments, hash, outcome, result, ms from dialog_orchestrator.tool_calls
     where turn_id = any ($1) order by turn_id, step, n`,
    [turnIds],
  );
  return Map.groupBy(rows, ({ turnId }) => turnId);
}
/** What a caller really heard of a spoken reply. */
export async function setSpoken(db: Queries, turnId: string, text: string): Promise<void> {
  await db.query(`update dialog_orchestrator.turns set reply = $2 where turn_id = $1`, [turnId, text]);
}
