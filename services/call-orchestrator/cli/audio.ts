/** `polyb calls audio`. */
import { open } from 'node:fs/promises';
import type { Bus } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { readWav } from '../../../media/audio/wav.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

/** In JSON: bytes are base64. */
type Part = Omit<OutputOf<typeof calls.get_recording>, 'body'> & { readonly body: string };
const partBytes = 180_000;
/** Full scale of 16-bit samples. */
const fullScale = 32_768;

export async function saveAudio(invocation: Invocation): Promise<number> {
  const { args, flags, out, path } = invocation;
  const [callId, file = flags.text('file')] = args;
  if (callId === undefined || file === undefined)
    throw wrongUsage('expected the id of a call and a file, e.g. call_1 -o call.wav', { subject: path, next: ['polyb calls ls'] });
  const wav = await wholeRecording(invocation, callId);
  await using handle = await open(file, 'w', 0o600);
  await handle.writeFile(wav);
  const { seconds, leftDb, rightDb } = levelsOf(wav);
  await out.result(
    { file, seconds, leftDb, rightDb },
    { text: () => `${file}  ${seconds} s  left (customer) ${shownLevel(leftDb)}, right (system) ${shownLevel(rightDb)}\n` },
  );
  return 0;
}

/** The complete recording of a call. @throws PolybError not_found while there is none */
export async function wholeRecording(invocation: Invocation, callId: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  await withAsk(invocation, async (ask) => {
    for (let offset = 0, bytes = 1; offset < bytes; ) {
      const part = await ask<Part>('calls.get_recording', { callId, offset, length: partBytes });
      const chunk = Buffer.from(part.body, 'base64');
      if (chunk.length === 0) return;
      chunks.push(chunk);
      offset += chunk.length;
      bytes = part.bytes;
    }
  });
  return Buffer.concat(chunks);
}

/** The same for a program that is on the bus. */
export async function recordingOf(bus: Pick<Bus, 'call'>, callId: string, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0, bytes = 1; offset < bytes; ) {
    const part = await bus.call(calls.get_recording, { callId, offset, length: partBytes }, { signal });
    const body = part.body as Uint8Array;
    if (body.length === 0) break;
    parts.push(body);
    offset += body.length;
    bytes = part.bytes;
  }
  return Buffer.concat(parts);
}

/** Duration of a stereo recording and the level of its sides. */
export function levelsOf(wav: Uint8Array): { readonly seconds: number; readonly leftDb: number | null; readonly rightDb: number | null } {
  const { samples, rateHz, channels } = readWav(wav);
  const seconds = Math.round((samples.length / channels / rateHz) * 10) / 10;
  return { seconds, leftDb: levelOf(samples, 0), rightDb: levelOf(samples, 1) };
}
/** Mean power of one side in dB below full scale; null for silence. */
function levelOf(samples: Int16Array, side: 0 | 1): number | null {
  let sum = 0;
  for (let at = side; at < samples.length; at += 2) sum += ((samples[at] ?? 0) / fullScale) ** 2;
  return sum === 0 ? null : Math.round(100 * Math.log10(sum / (samples.length / 2))) / 10;
}
export const shownLevel = (db: number | null): string => (db === null ? 'silent' : `${db} dB`);
