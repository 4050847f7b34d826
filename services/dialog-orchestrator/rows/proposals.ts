/** Changes that wait for the customer, and the options under our messages. */
import type { z } from 'zod';
import type { Queries } from '../../../bus/service.ts';
import type { ProposalKind, Proposal as ProposalShown, ProposalState } from '../../../contracts/dialog.ts';

/** What the customer was shown. Times have the offset of the location. */
export interface ProposalDetails {
  readonly services: readonly string[];
  readonly employee: string | null;
  readonly start: string;
  /** Of a move: the former time. */
  readonly from?: string | undefined;
  readonly price: string | null;
  readonly name: string | null;
  /** Given by the model, so that the customer checks it; absent if it is the phone of the session. */
  readonly phone?: string | undefined;
}
export interface Proposal {
  readonly proposalId: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly what: z.output<typeof ProposalKind>;
  readonly rowId: string;
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly input: unknown;
  readonly details: ProposalDetails;
  readonly phone: string | null;
  readonly text: string;
  readonly state: z.output<typeof ProposalState>;
  readonly evidence: string | null;
  readonly toldAt: Date | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}
const columns = `proposal_id as "proposalId", session_id as "sessionId", turn_id as "turnId", what, row_id as "rowId", method, key, hash, input, details, phone, text, state,
  evidence, told_at as "toldAt", created_at as "createdAt", expires_at as "expiresAt"`;

/** As callers see it. */
export const shownProposal = ({ proposalId, turnId, what, text, state, rowId, expiresAt }: Proposal): z.output<typeof ProposalShown> => ({
  ...{ proposalId, turnId, what, text, state, rowId },
  expiresAt: expiresAt.toISOString(),
});

export async function insertProposal(tx: Queries, of: Proposal): Promise<void> {
  await tx.query(
    `insert into dialog_orchestrator.proposals (proposal_id, session_id, turn_id, what, row_id, method, key, hash, input, details, phone, text, state, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      ...[
        of.proposalId,
        of.sessionId,
        of.turnId,
        of.what,
        of.rowId,
        of.method,
        of.key,
        of.hash,
        JSON.stringify(of.input),
        JSON.stringify(of.details),
      ],
      ...[of.phone, of.text, of.state, of.createdAt, of.expiresAt],
    ],
  );
}
/** Newest first: those that are open, or whose outcome the customer does not know yet. */
export async function pendingProposals(db: Queries, sessionId: string): Promise<readonly Proposal[]> {
  return db.query<Proposal>(
    `select ${columns} from dialog_orchestrator.proposals
     where session_id = $1 and (state = 'open' or (state in ('confirmed', 'unknown', 'done', 'failed') and told_at is null)) order by seq desc limit 50`,
    [sessionId],
  );
}
export async function latestProposals(db: Queries, sessionId: string, limit: number): Promise<readonly Proposal[]> {
  return db.query<Proposal>(`select ${columns} from dialog_orchestrator.proposals where session_id = $1 order by seq desc limit $2`, [
    sessionId,
    limit,
  ]);
}
export async function proposalById(db: Queries, proposalId: string): Promise<Proposal | null> {
  const [row] = await db.query<Proposal>(`select ${columns} from dialog_orchestrator.proposals where proposal_id = $1`, [proposalId]);
  return row ?? null;
}
export async function findProposal(db: Queries, by: { readonly method: string; readonly key: string }): Promise<Proposal | null> {
  const [row] = await db.query<Proposal>(`select ${columns} from dialog_orchestrator.proposals where method = $1 and key = $2`, [
    by.method,
    by.key,
  ]);
  return row ?? null;
}
export async function markProposal(
  tx: Queries,
  proposalId: string,
  { state, evidence, toldAt }: { readonly state: Proposal['state']; readonly evidence?: string | null; readonly toldAt?: Date | null },
): Promise<void> {
  await tx.query(
    `update dialog_orchestrator.proposals set state = $2, evidence = coalesce($3, evidence), told_at = coalesce(told_at, $4) where proposal_id = $1`,
    [proposalId, state, evidence ?? null, toldAt ?? null],
  );
}
/** Bookings made for this phone since then, and those that other sessions propose now. */
export async function bookingsOf(
  db: Queries,
  { phone, since, sessionId }: { readonly phone: string; readonly since: Date; readonly sessionId: string },
): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `select count(*)::int as n from dialog_orchestrator.proposals
     where phone = $1 and created_at >= $2 and what = 'create'
       and (state in ('confirmed', 'done', 'unknown') or (state = 'open' and expires_at > now() and session_id <> $3))`,
    [phone, since, sessionId],
  );
  return row?.n ?? 0;
}
/** Sessions that propose bookings for one phone do so one after the other, until the end of the transaction. */
export async function lockPhone(tx: Queries, phone: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('dialog_orchestrator.phone ' || $1, 0))`, [phone]);
}

/** What a press of an option means. */
export type ChoicePayload =
  | { readonly is: 'confirm' | 'decline'; readonly proposalId: string; readonly hash: string }
  | { readonly is: 'slot' | 'service' | 'appointment' | 'day' | 'menu'; readonly ref: string }
  /** Further options of a list that is too long for one message. */
  | { readonly is: 'more'; readonly options: readonly { readonly title: string; readonly payload: ChoicePayload }[] };
export interface Choice {
  readonly token: string;
  readonly title: string;
  readonly payload: ChoicePayload;
}
export async function insertChoices(
  tx: Queries,
  of: { readonly sessionId: string; readonly turnId: string; readonly expiresAt: Date },
  choices: readonly Choice[],
): Promise<void> {
  if (choices.length > 0)
    await tx.query(
      `insert into dialog_orchestrator.choices (token, session_id, turn_id, title, payload, expires_at)
       select token, $1, $2, title, payload, $3 from json_to_recordset($4) as c (token text, title text, payload jsonb)`,
      [of.sessionId, of.turnId, of.expiresAt, JSON.stringify(choices)],
    );
}
/** Null for a token that no session was given, or that is too old. */
export async function findChoice(
  db: Queries,
  token: string,
): Promise<(Choice & { readonly sessionId: string; readonly turnId: string }) | null> {
  const [row] = await db.query<Choice & { readonly sessionId: string; readonly turnId: string }>(
    'select token, title, payload, session_id as "sessionId", turn_id as "turnId" from dialog_orchestrator.choices where token = $1 and expires_at > now()',
    [token],
  );
  return row ?? null;
}
