/** Conversations and what the customer said in them. */
import type { z } from 'zod';
import type { Queries } from '../../../bus/service.ts';
import type { Money } from '../../../contracts/common.ts';
import type { DialogLanguage, DialogMode, DialogState, PhoneProof } from '../../../contracts/dialog.ts';
import { sessionOwners } from '../chat-owners.ts';

export type State = z.output<typeof DialogState>;
export type Mode = z.output<typeof DialogMode>;
export type Language = z.output<typeof DialogLanguage>;
export type Proof = z.output<typeof PhoneProof>;
/** A slot under its short name; the model never sees the slot id. */
export interface OfferedSlot {
  readonly slot: string;
  readonly slotId: string;
  readonly services: readonly string[];
  readonly employee: string | null;
  /** With the offset of the location. */
  readonly start: string;
  readonly price: z.output<typeof Money> | null;
}
/** An appointment of the customer under its short name. */
export interface KnownAppointment {
  readonly appointment: string;
  readonly appointmentId: string;
  readonly clientId: string;
  readonly services: readonly string[];
  readonly serviceIds: readonly string[];
  readonly employee: string | null;
  readonly start: string;
}
/** What was really done in the session; the model may say so. */
export type Deed = 'booked' | 'moved' | 'cancelled' | 'call_requested' | 'passed_on' | 'noted';
export type MadeAppointment = Pick<KnownAppointment, 'appointmentId' | 'clientId'>;
/** A phone that a caller dictates. */
export interface KeptDictation {
  readonly groups: readonly string[];
  /** What the customer said before the number, in the same breath. */
  readonly before: string;
  readonly isWhole: boolean;
  /** Turns of the session when it was kept. */
  readonly turns: number;
  /** The latest turns, in which the customer said parts of the number. */
  readonly partTurns: number;
}
export interface Memory {
  readonly offered: readonly OfferedSlot[];
  readonly appointments: readonly KnownAppointment[] | null;
  /** Appointments that this session made: its customer confirmed them, whoever owns the phone. */
  readonly made?: readonly MadeAppointment[];
  readonly chosen: readonly string[];
  readonly deeds: readonly Deed[];
  /** Short names given so far, so that no name is used twice. */
  readonly named: number;
  /** The client of the booking system, of a proved phone. */
  readonly clientId: string | null;
  readonly dictation?: KeptDictation;
}
export const noMemory: Memory = { offered: [], appointments: null, chosen: [], deeds: [], named: 0, clientId: null };

export interface Session {
  readonly sessionId: string;
  readonly externalId: string;
  readonly chatId: string | null;
  readonly channel: string | null;
  readonly customerId: string | null;
  readonly state: State;
  readonly mode: Mode | null;
  readonly language: Language;
  readonly name: string | null;
  readonly phone: string | null;
  readonly phoneProof: Proof;
  readonly memory: Memory;
  readonly turns: number;
  readonly tokens: number;
  readonly handedOverAt: Date | null;
  readonly startedAt: Date;
  readonly activeAt: Date;
  readonly endedAt: Date | null;
  /** This turn is spoken, in a call; not stored. */
  readonly isSpoken?: boolean;
}
const columns = `session_id as "sessionId", external_id as "externalId", chat_id as "chatId", channel, customer_id as "customerId", state, mode, language,
  name, phone, phone_proof as "phoneProof", memory, turns, tokens, handed_over_at as "handedOverAt", started_at as "startedAt", active_at as "activeAt", ended_at as "endedAt"`;

/** @param person whose chats are seen, with those of nobody; null: all */
export async function findSession(db: Queries, sessionId: string, person: string | null = null): Promise<Session | null> {
  const [row] = await db.query<Session>(
    `select ${columns} from dialog_orchestrator.sessions where session_id = $1 and ${sessionOwners.isSeen('sessions.chat_id', '$2')}`,
    [sessionId, person],
  );
  return row ?? null;
}
/** Newest first. @param before `activeAt` and id of the last row of the former page. */
export async function listSessions(
  db: Queries,
  asked: {
    readonly state: State | null;
    readonly limit: number;
    readonly before: { readonly at: string; readonly id: string } | null;
    readonly seenBy: string | null;
  },
): Promise<readonly Session[]> {
  return db.query<Session>(
    `select ${columns} from dialog_orchestrator.sessions
     where ($1::text is null or state = $1) and ($2::timestamptz is null or (active_at, session_id) < ($2, $3)) and ${sessionOwners.isSeen('sessions.chat_id', '$5')}
     order by active_at desc, session_id desc limit $4`,
    [asked.state, asked.before?.at ?? null, asked.before?.id ?? null, asked.limit, asked.seenBy],
  );
}
export async function putSession(tx: Queries, of: Session): Promise<void> {
  await tx.query(
    `insert into dialog_orchestrator.sessions as s (session_id, external_id, chat_id, channel, customer_id, state, mode, language, name, phone, phone_proof, memory,
       turns, tokens, handed_over_at, started_at, active_at, ended_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
     on conflict (session_id) do update set channel = excluded.channel, customer_id = excluded.customer_id, state = excluded.state, language = excluded.language,
       name = excluded.name, phone = excluded.phone, phone_proof = excluded.phone_proof, memory = excluded.memory, turns = excluded.turns, tokens = excluded.tokens,
       handed_over_at = excluded.handed_over_at, started_at = excluded.started_at, active_at = excluded.active_at, ended_at = excluded.ended_at`,
    [
      ...[
        of.sessionId,
        of.externalId,
        of.chatId,
        of.channel,
        of.customerId,
        of.state,
        of.mode,
        of.language,
        of.name,
        of.phone,
        of.phoneProof,
      ],
      ...[JSON.stringify(of.memory), of.turns, of.tokens, of.handedOverAt, of.startedAt, of.activeAt, of.endedAt],
    ],
  );
}
export async function setMode(db: Queries, sessionId: string, mode: Mode): Promise<Session | null> {
  const [row] = await db.query<Session>(`update dialog_orchestrator.sessions set mode = $2 where session_id = $1 returning ${columns}`, [
    sessionId,
    mode,
  ]);
  return row ?? null;
}
export async function endSession(db: Queries, sessionId: string, at: Date): Promise<Session | null> {
  const [row] = await db.query<Session>(
    `update dialog_orchestrator.sessions set ended_at = coalesce(ended_at, $2) where session_id = $1 returning ${columns}`,
    [sessionId, at],
  );
  return row ?? null;
}

export interface Input {
  readonly inputId: string;
  readonly kind: 'text' | 'press' | 'staff';
  /** Of a press: the token of the option. Of an edit: the edited message. */
  readonly data: string | null;
  /** When the customer said it, by the channel. */
  readonly at: Date;
  /** When it arrived here. */
  readonly receivedAt: Date;
}
/** A repeat changes nothing. A press that is also a message counts as a press. */
export async function addInput(tx: Queries, sessionId: string, { inputId, kind, data, at }: Omit<Input, 'receivedAt'>): Promise<void> {
  await tx.query(
    `insert into dialog_orchestrator.inputs as i (input_id, session_id, kind, data, at) values ($1, $2, $3, $4, $5)
     on conflict (input_id) do update set kind = excluded.kind, data = excluded.data where i.turn_id is null and excluded.kind = 'press'`,
    [inputId, sessionId, kind, data, at],
  );
}
/** The same, and a turn that took it before takes it again. */
export async function reopenInput(tx: Queries, sessionId: string, input: Omit<Input, 'receivedAt'>): Promise<void> {
  await addInput(tx, sessionId, input);
  await tx.query('update dialog_orchestrator.inputs set turn_id = null where input_id = $1', [input.inputId]);
}
/** Oldest first. */
export async function openInputs(db: Queries, sessionId: string): Promise<readonly Input[]> {
  return db.query<Input>(
    `select input_id as "inputId", kind, data, at, received_at as "receivedAt" from dialog_orchestrator.inputs where session_id = $1 and turn_id is null order by at, input_id limit 100`,
    [sessionId],
  );
}
/** The session of an input that no turn has answered. */
export async function openInputNamed(db: Queries, inputId: string): Promise<string | null> {
  const [row] = await db.query<{ sessionId: string }>(
    'select session_id as "sessionId" from dialog_orchestrator.inputs where input_id = $1 and turn_id is null',
    [inputId],
  );
  return row?.sessionId ?? null;
}
export async function closeInputs(tx: Queries, inputIds: readonly string[], turnId: string): Promise<void> {
  if (inputIds.length > 0)
    await tx.query('update dialog_orchestrator.inputs set turn_id = $2 where input_id = any ($1)', [inputIds, turnId]);
}

/** Turns of the chats, and the keys of their proposals, by which rows of the journal are found. */
export async function rowsOf(
  db: Queries,
  chatIds: readonly string[],
): Promise<{ readonly turnIds: readonly string[]; readonly keys: readonly string[] }> {
  const turns = await db.query<{ id: string }>(
    `select turn_id as id from dialog_orchestrator.turns where session_id = any ($1)
     union select turn_id from dialog_orchestrator.inputs where session_id = any ($1) and turn_id is not null`,
    [chatIds],
  );
  const proposals = await db.query<{ key: string }>('select key from dialog_orchestrator.proposals where session_id = any ($1)', [chatIds]);
  return { turnIds: turns.map(({ id }) => id), keys: proposals.map(({ key }) => key) };
}
/** Removes everything about the chats. */
export async function forgetConversations(tx: Queries, chatIds: readonly string[]): Promise<void> {
  const ids = 'select session_id from dialog_orchestrator.sessions where chat_id = any ($1)';
  for (const table of ['inputs', 'choices', 'proposals', 'turns'])
    await tx.query(`delete from dialog_orchestrator.${table} where session_id = any ($1) or session_id in (${ids})`, [chatIds]);
  await tx.query('delete from dialog_orchestrator.sessions where chat_id = any ($1)', [chatIds]);
  await sessionOwners.forget(tx, chatIds);
}
/** One chat continues as another; its own conversation ends with it. */
export async function mergeConversations(tx: Queries, chatId: string, into: string): Promise<void> {
  await tx.query('update dialog_orchestrator.inputs set session_id = $2 where session_id = $1 and turn_id is null', [chatId, into]);
  await tx.query(
    `update dialog_orchestrator.sessions set session_id = $2, external_id = $2, chat_id = $2
     where session_id = $1 and not exists (select from dialog_orchestrator.sessions where session_id = $2)`,
    [chatId, into],
  );
  for (const table of ['turns', 'proposals', 'choices'])
    await tx.query(`update dialog_orchestrator.${table} set session_id = $2 where session_id = $1`, [chatId, into]);
  await tx.query('delete from dialog_orchestrator.sessions where session_id = $1', [chatId]);
}
/** Deletes conversations that ended or fell silent before this time, and older turns of the others. */
export async function forgetBefore(db: Queries, before: Date): Promise<void> {
  for (const [table, column] of [
    ['turns', 'started_at'],
    ['inputs', 'at'],
    ['proposals', 'created_at'],
    ['sessions', 'active_at'],
  ] as const)
    await db.query(`delete from dialog_orchestrator.${table} where ${column} < $1`, [before]);
  await db.query('delete from dialog_orchestrator.choices where expires_at < now()');
}
