/** Voice messages: fetched from the channel, stored, and transcribed if a service can do so. */
import type { Intake } from '../../adapters/channel/port.ts';
import type { Call, Commit, Database, Log } from '../../bus/service.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { inbox } from '../../contracts/inbox.ts';
import { isPolybError, isStoreFailure, toPolybError } from '../../contracts/kit/errors.ts';
import { learnWords } from './search.ts';

/** Maximum bytes of one `recognize` call. */
const hearableBytes = 262_144;
const idleMs = 1_000;
/** Failures after which a recording is given up. */
const patience = 6;
/** Retry interval while no service can transcribe. */
const deafMs = 60_000;
/** How long a recording in progress is reserved for one process. */
const claimMs = 120_000;

interface DueVoice {
  readonly message_id: string;
  readonly channel: string;
  readonly bot_id: string;
  readonly file_id: string;
  readonly content_type: string;
  readonly state: 'wanted' | 'kept';
  readonly attempts: number;
  readonly body: Uint8Array | null;
}

/**
 * One recording per turn: fetches or transcribes it. A file missing in its channel is given up; other failures are retried with
 * growing pauses.
 */
export function followVoices({
  db,
  commit,
  call,
  log,
  intakes,
  maxBytes,
}: {
  readonly db: Database;
  readonly commit: Commit;
  readonly call: Call;
  readonly log: Log;
  readonly intakes: ReadonlyMap<string, Pick<Intake, 'fetchFile'>>;
  readonly maxBytes: number;
}): Loop {
  const fetch = async (voice: DueVoice, signal: AbortSignal): Promise<void> => {
    const intake = intakes.get(voice.channel);
    if (intake?.fetchFile === undefined) return giveUp(voice);
    const body = await intake.fetchFile(voice.bot_id, voice.file_id, { maxBytes, signal });
    await db.query(
      `update collector.voices set state = 'kept', body = $2, bytes = $3, attempts = 0, next_at = now() where message_id = $1 and state = 'wanted'`,
      [voice.message_id, body, body.length],
    );
  };
  const hear = async (voice: DueVoice, body: Uint8Array, signal: AbortSignal): Promise<void> => {
    const { text } = await call(asr.recognize, { audio: body, contentType: voice.content_type }, { signal, retry: false });
    await commit(async (tx) => {
      // The customer may have been erased during the transcription.
      const kept = await tx.query(`update collector.voices set state = 'heard' where message_id = $1 and state <> 'gone' returning 1`, [
        voice.message_id,
      ]);
      if (kept.length === 0) return;
      const [message] = await tx.query<{ chat_id: string }>(
        'update collector.messages set transcript = $2 where message_id = $1 and transcript is null returning chat_id',
        [voice.message_id, text.replaceAll('\0', '\uFFFD').toWellFormed()],
      );
      if (message === undefined) return;
      await learnWords(tx, [voice.message_id]);
      tx.emit(inbox.message_transcribed, { messageId: voice.message_id, chatId: message.chat_id, at: new Date().toISOString() });
    });
  };
  const giveUp = (voice: DueVoice) =>
    db
      .query(`update collector.voices set state = case when body is null then 'gone' else 'heard' end where message_id = $1`, [
        voice.message_id,
      ])
      .then(() => {});
  const later = (voice: DueVoice, ms: number, attempts: number) =>
    db.query(`update collector.voices set attempts = $3, next_at = now() + $2 * interval '1 millisecond' where message_id = $1`, [
      voice.message_id,
      ms,
      attempts,
    ]);

  // The loop is not woken: few messages are voice messages.
  return loop('follow_voices', { idleMs }, async (signal) => {
    const [voice] = await db.query<DueVoice>(
      `update collector.voices set next_at = now() + ${claimMs} * interval '1 millisecond'
       where message_id = (
         select message_id from collector.voices where state in ('wanted', 'kept') and next_at <= now() order by next_at limit 1 for update skip locked)
       returning message_id, channel, bot_id, file_id, content_type, state, attempts, body`,
    );
    if (voice === undefined) return 'idle';
    try {
      if (voice.state === 'wanted') await fetch(voice, signal);
      else if (voice.body === null || voice.body.length > hearableBytes) await giveUp(voice);
      else await hear(voice, voice.body, signal);
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (signal.aborted || isStoreFailure(error)) throw thrown;
      if (isDeaf(thrown)) await later(voice, deafMs, voice.attempts);
      else if (isFinal(thrown) || voice.attempts + 1 >= patience) {
        log.warn({ err: thrown, messageId: voice.message_id }, 'transcribing a voice message failed for good');
        await giveUp(voice);
      } else await later(voice, error.retryAfterMs ?? 1000 * 4 ** voice.attempts, voice.attempts + 1);
    }
    return 'more';
  });
}
/** No service offers transcription yet. */
const isDeaf = (thrown: unknown): boolean =>
  isPolybError(thrown) && (thrown.reason === 'no_responders' || thrown.reason === 'not_connected');
/** The channel, or the transcription service, will never accept it. */
const isFinal = (thrown: unknown): boolean =>
  isPolybError(thrown) &&
  ['not_found', 'invalid_argument', 'failed_precondition'].includes(thrown.code) &&
  thrown.reason !== 'upstream_credentials' &&
  thrown.reason !== 'no_token';
