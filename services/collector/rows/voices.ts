/** Recordings of voice messages, with their state: wanted, kept, then heard once transcribed, or gone. */
import type { Queries } from '../../../bus/service.ts';
import { parameters, seenOfMessages, type Viewer } from './seen.ts';

/** How long a recording in progress is reserved for one process, from the last words that were heard. */
const claimMs = 180_000;

export interface DueVoice {
  readonly message_id: string;
  readonly channel: string;
  readonly bot_id: string;
  readonly file_id: string;
  readonly content_type: string;
  readonly state: 'wanted' | 'kept';
  readonly attempts: number;
  readonly body: Uint8Array | null;
}

/** Reserves a recording to fetch or transcribe; null if none is due. */
export async function takeDueVoice(db: Queries): Promise<DueVoice | null> {
  const [voice] = await db.query<DueVoice>(
    `update collector.voices set next_at = now() + ${claimMs} * interval '1 millisecond'
     where message_id = (
       select message_id from collector.voices where state in ('wanted', 'kept') and next_at <= now() order by next_at limit 1 for update skip locked)
     returning message_id, channel, bot_id, file_id, content_type, state, attempts, body`,
  );
  return voice ?? null;
}
/** Reserves a recording anew, so that a long one is not transcribed by two processes at once. */
export async function extendVoice(db: Queries, messageId: string): Promise<void> {
  await db.query(
    `update collector.voices set next_at = now() + ${claimMs} * interval '1 millisecond' where message_id = $1 and state = 'kept'`,
    [messageId],
  );
}
export async function keepVoice(db: Queries, messageId: string, body: Uint8Array): Promise<void> {
  await db.query(
    `update collector.voices set state = 'kept', body = $2, bytes = $3, attempts = 0, next_at = now() where message_id = $1 and state = 'wanted'`,
    [messageId, body, body.length],
  );
}
/** The chat of the message; null if the customer was erased during the transcription, or the message has a transcript. */
export async function setTranscript(tx: Queries, messageId: string, text: string): Promise<string | null> {
  const kept = await tx.query(`update collector.voices set state = 'heard' where message_id = $1 and state <> 'gone' returning 1`, [
    messageId,
  ]);
  if (kept.length === 0) return null;
  const [message] = await tx.query<{ chat_id: string }>(
    'update collector.messages set transcript = $2 where message_id = $1 and transcript is null returning chat_id',
    [messageId, text],
  );
  return message?.chat_id ?? null;
}
export async function giveUpVoice(db: Queries, messageId: string): Promise<void> {
  await db.query(`update collector.voices set state = case when body is null then 'gone' else 'heard' end where message_id = $1`, [
    messageId,
  ]);
}
export async function postponeVoice(
  db: Queries,
  messageId: string,
  { ms, attempts }: { readonly ms: number; readonly attempts: number },
): Promise<void> {
  await db.query(`update collector.voices set attempts = $3, next_at = now() + $2 * interval '1 millisecond' where message_id = $1`, [
    ...[messageId, ms, attempts],
  ]);
}
/** A part of a recording; `bytes` is the size of all of it. */
export async function findVoice(
  db: Queries,
  messageId: string,
  { offset, length, viewer }: { readonly offset: number; readonly length: number; readonly viewer: Viewer },
): Promise<{
  readonly content_type: string;
  readonly body: Uint8Array | null;
  readonly bytes: number | null;
  readonly state: string;
} | null> {
  const { values, value } = parameters(messageId, offset, length);
  const isSeen = ['message_id = $1', ...seenOfMessages(viewer, 'voice.message_id', value)].join(' and ');
  const [row] = await db.query<NonNullable<Awaited<ReturnType<typeof findVoice>>>>(
    `select content_type, substring(body from $2::int + 1 for $3::int) as body, length(body) as bytes, state from collector.voices voice where ${isSeen}`,
    values,
  );
  return row ?? null;
}
