import type { Ear, Final } from '../../adapters/asr/port.ts';
import type { Blobs } from '../../adapters/blob/port.ts';
import type { Handler, StreamHandler } from '../../bus/service.ts';
import type { asr as contract } from '../../contracts/asr.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { rateHz } from '../../media/audio/g711.ts';
import type { Counts } from './counts.ts';
import { decodeRecording } from './decode-recording.ts';

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
    const { recording, finals, provider } = await heardIn(request, parts, signal);
    return {
      text: finals.map(({ text }) => text).join(' '),
      confidence: leastConfident(finals.map(({ confidence }) => confidence)),
      words: finals.flatMap(({ words }) => [...words]),
      provider,
      durationMs: Math.round((recording.length * 1_000) / rateHz),
    };
  };
}

export function followRecording(parts: RecordingParts): StreamHandler<typeof contract.follow_recording> {
  return async function* (request, _, { signal }) {
    const { finals, provider } = await heardIn(request, parts, signal);
    for (const final of finals) yield { ...final, words: [...final.words], provider };
  };
}

async function heardIn(
  { audio, contentType, language, hints = [] }: Request,
  { ear, blobs, maxMs, counts }: RecordingParts,
  signal: AbortSignal,
): Promise<{ readonly recording: Uint8Array; readonly finals: readonly Final[]; readonly provider: string }> {
  const bytes = audio instanceof Uint8Array ? audio : await readBlob(audio.blobId, blobs, { maxBytes: maxMs * bytesPerMs, signal });
  const recording = await decodeRecording({ bytes, contentType }, { maxMs, signal });
  const finals = await ear.recognize(recording, { language, hints }, signal);
  const provider = finals[0]?.provider ?? ear.provider;
  counts.audio(provider, recording.length / rateHz);
  counts.finals(provider, finals.length);
  return { recording, finals, provider };
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
