import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Intake } from '../../adapters/channel/port.ts';
import { type Bus, type Commit, type Database, type Log, type Loop, loop } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import { isPolybError, isStoreFailure, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { learnWords } from './rows/search.ts';
import { type DueVoice, extendVoice, giveUpVoice, keepVoice, postponeVoice, setTranscript, takeDueVoice } from './rows/voices.ts';

/** Maximum bytes in a request; a larger recording is passed as a blob. */
const requestBytes = 262_144;
/** How long a transcription may report nothing; the reservation of the recording is longer. */
const hearMs = 120_000;
const removeMs = 10_000;
const idleMs = 1_000;
/** Failures after which a recording is given up. */
const patience = 6;
/** Retry interval while no service can transcribe. */
const deafMs = 60_000;

/**
 * One recording per turn: fetches or transcribes it. A file missing in its channel is given up; other failures are retried with
 * growing pauses.
 */
export function transcribeVoices({
  db,
  commit,
  open,
  log,
  intakes,
  blobs,
  maxBytes,
}: {
  readonly db: Database;
  readonly commit: Commit;
  readonly open: Bus['open'];
  readonly log: Log;
  readonly intakes: ReadonlyMap<string, Pick<Intake, 'fetchFile'>>;
  readonly blobs: Pick<Blobs, 'put' | 'remove'>;
  readonly maxBytes: number;
}): Loop {
  const fetch = async (voice: DueVoice, signal: AbortSignal): Promise<void> => {
    const intake = intakes.get(voice.channel);
    if (intake?.fetchFile === undefined) return giveUp(voice);
    const body = await intake.fetchFile(voice.bot_id, voice.file_id, { maxBytes, signal });
    await keepVoice(db, voice.message_id, body);
  };
  /** The words of a recording of any length, whose reservation is extended while some are heard. */
  const wordsOf = async (voice: DueVoice, audio: InputOf<typeof asr.follow_recording>['audio'], signal: AbortSignal): Promise<string> => {
    const silent = new AbortController();
    const watchdog = setTimeout(() => silent.abort(tooSlow()), hearMs);
    const heard: string[] = [];
    try {
      const options = { signal: AbortSignal.any([signal, silent.signal]) };
      for await (const { text } of open(asr.follow_recording, { audio, contentType: voice.content_type }, nothing(), options)) {
        heard.push(text);
        watchdog.refresh();
        await extendVoice(db, voice.message_id);
      }
    } finally {
      clearTimeout(watchdog);
    }
    return heard.join(' ');
  };
  const recognized = async (voice: DueVoice, body: Uint8Array, signal: AbortSignal): Promise<string> => {
    if (body.length <= requestBytes) return await wordsOf(voice, body, signal);
    // The same blob for each attempt: what a process leaves that dies here, the next attempt replaces and removes.
    const blobId = `voice_${createHash('sha256').update(voice.message_id).digest('hex').slice(0, 40)}`;
    try {
      await blobs.put(blobId, Readable.from([body]), signal);
      return await wordsOf(voice, { blobId, bytes: body.length, contentType: voice.content_type }, signal);
    } finally {
      await blobs.remove(blobId, AbortSignal.timeout(removeMs));
    }
  };
  const hear = async (voice: DueVoice, body: Uint8Array, signal: AbortSignal): Promise<void> => {
    const text = await recognized(voice, body, signal);
    await commit(async (tx) => {
      // The customer may have been erased during the transcription.
      const chatId = await setTranscript(tx, voice.message_id, text.replaceAll('\0', '\uFFFD').toWellFormed());
      if (chatId === null) return;
      await learnWords(tx, [voice.message_id]);
      tx.emit(inbox.message_transcribed, { messageId: voice.message_id, chatId, at: new Date().toISOString() });
    });
  };
  const giveUp = (voice: DueVoice) => giveUpVoice(db, voice.message_id);
  const later = (voice: DueVoice, ms: number, attempts: number) => postponeVoice(db, voice.message_id, { ms, attempts });

  // The loop is not woken: few messages are voice messages.
  return loop('follow_voices', { idleMs }, async (signal) => {
    const voice = await takeDueVoice(db);
    if (voice === null) return 'idle';
    try {
      if (voice.state === 'wanted') await fetch(voice, signal);
      else if (voice.body === null) await giveUp(voice);
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
async function* nothing(): AsyncGenerator<never> {}
const tooSlow = (): PolybError =>
  new PolybError('deadline_exceeded', `The transcription reported nothing for ${hearMs} ms.`, { reason: 'ear_silent' });
/** No service offers transcription yet. */
const isDeaf = (thrown: unknown): boolean =>
  isPolybError(thrown) && (thrown.reason === 'no_responders' || thrown.reason === 'not_connected');
/** The channel, or the transcription service, will never accept it. */
const isFinal = (thrown: unknown): boolean =>
  isPolybError(thrown) &&
  ['not_found', 'invalid_argument', 'failed_precondition'].includes(thrown.code) &&
  thrown.reason !== 'upstream_credentials' &&
  thrown.reason !== 'no_token';
