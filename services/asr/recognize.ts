import type { Ear, Final } from '../../adapters/asr/port.ts';
import { quietParts } from '../../adapters/asr/quiet-parts.ts';
import { moved, samplesMs } from '../../adapters/asr/times.ts';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Handler, StreamHandler } from '../../bus/service.ts';
import type { asr as contract } from '../../contracts/asr.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { rateHz } from '../../media/audio/g711.ts';
import type { Counts } from './counts.ts';
import { decodeRecording } from './decode-recording.ts';

/** An ear gets a recording in parts of this length at most: what is heard is reported early, and a part takes a bounded time. */
const partMs = 60_000;
/** Bytes of a blob per read. */
const partBytes = 1 << 20;
/** The most that a millisecond of a recording takes: 48 kHz, stereo, 16 bits. */
const bytesPerMs = 192;

export interface RecordingParts {
  readonly ear: Ear;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly maxMs: number;
  readonly counts: Counts;
}
type Request = ParsedOf<typeof contract.recognize>;

export function recognize(parts: RecordingParts): Handler<typeof contract.recognize> {
  return async (request, { signal }) => {
    const recording = await recordingOf(request, parts, signal);
    const finals: Final[] = [];
    for await (const heard of heardIn(recording, request, parts, signal)) finals.push(...heard.finals);
    return {
      text: finals.map(({ text }) => text).join(' '),
      confidence: leastConfident(finals.map(({ confidence }) => confidence)),
      words: finals.flatMap(({ words }) => [...words]),
      provider: finals[0]?.provider ?? parts.ear.provider,
      durationMs: samplesMs(recording.length),
    };
  };
}

export function followRecording(parts: RecordingParts): StreamHandler<typeof contract.follow_recording> {
  return async function* (request, _, { signal }) {
    const recording = await recordingOf(request, parts, signal);
    for await (const { finals, provider } of heardIn(recording, request, parts, signal))
      for (const final of finals) yield { ...final, words: [...final.words], provider };
  };
}

/** What is heard in each part of the recording, with times of the whole. */
async function* heardIn(
  recording: Uint8Array,
  { language, hints = [] }: Request,
  { ear, counts }: RecordingParts,
  signal: AbortSignal,
): AsyncGenerator<{ readonly finals: readonly Final[]; readonly provider: string }> {
  for (const { from, to } of quietParts(recording, partMs)) {
    const heard = await ear.recognize(recording.subarray(from, to), { language, hints }, signal);
    const finals = heard.map((final) => moved(final, samplesMs(from)));
    const provider = finals[0]?.provider ?? ear.provider;
    counts.audio(provider, (to - from) / rateHz);
    counts.finals(provider, finals.length);
    yield { finals, provider };
  }
}

async function recordingOf({ audio, contentType }: Request, { blobs, maxMs }: RecordingParts, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = audio instanceof Uint8Array ? audio : await readBlob(audio.blobId, blobs, { maxBytes: maxMs * bytesPerMs, signal });
  return await decodeRecording({ bytes, contentType }, { maxMs, signal });
}

function leastConfident(all: readonly (number | null)[]): number | null {
  const known = all.filter((one) => one !== null);
  return known.length === 0 ? null : Math.min(...known);
}

async function readBlob(
  blobId: string,
  blobs: Pick<Blobs, 'read'>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ; offset += partBytes) {
    const part = await blobs.read(blobId, { offset, length: partBytes }, signal);
    if (part === null) throw new PolybError('invalid_argument', 'There is no blob with this id.', { reason: 'bad_audio' });
    parts.push(part);
    if (offset + part.length > maxBytes)
      throw new PolybError('invalid_argument', `The recording is larger than ${maxBytes} bytes.`, { reason: 'audio_too_long' });
    if (part.length < partBytes) return Buffer.concat(parts);
  }
}
