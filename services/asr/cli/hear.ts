/** `polyb hear`. */
import { open } from 'node:fs/promises';
import type { z } from 'zod';
import { asr } from '../../../contracts/asr.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { decodeRecording } from '../decode-recording.ts';

/** The file is decoded locally and its audio sent one second at a time, so its size does not matter to the bus. */
const pieceBytes = 8_000;
const mostBytes = 512 << 20;
const mostMs = 2 * 3_600_000;

export async function hearRecording(invocation: Invocation): Promise<number> {
  const { args, flags, out, path, signal } = invocation;
  const [file] = args;
  if (file === undefined) throw wrongUsage('expected a file', { subject: path, next: ['polyb hear test-audio.wav'] });
  const recording = await audioOf(file, path, signal);
  return await withAsk(invocation, async (_ask, connected) => {
    const { bus } = await connected();
    const [language, hints] = [flags.text('language'), flags.list('hint')];
    const options = { ...(language === undefined ? {} : { language }), ...(hints.length === 0 ? {} : { hints: [...hints] }) };
    const finals: Final[] = [];
    async function* spoken() {
      for (let at = 0; at < recording.length; at += pieceBytes) yield recording.subarray(at, at + pieceBytes);
      yield { finalize: true as const };
    }
    for await (const item of bus.open(asr.recognize_stream, options, spoken(), { signal })) if (item.kind === 'final') finals.push(item);
    const text = finals.map((final) => final.text).join(' ');
    if (finals.length === 0) out.note('no speech that the ear knows', 'warn');
    await out.result(
      { text, seconds: recording.length / 8_000, finals },
      { text: () => finals.map((final) => `${clock(final.startMs)}  ${final.text}\n`).join('') },
    );
    return 0;
  });
}
type Final = Extract<z.output<typeof asr.recognize_stream.down>, { kind: 'final' }>;

async function audioOf(file: string, subject: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    await using handle = await open(file, 'r');
    const { size } = await handle.stat();
    if (size > mostBytes) throw wrongUsage(`${file} is larger than ${mostBytes >> 20} MB`, { subject });
    return await decodeRecording({ bytes: await handle.readFile(), contentType: 'application/octet-stream' }, { maxMs: mostMs, signal });
  } catch (thrown) {
    if (isPolybError(thrown)) throw refusal('invalid_argument', thrown.message, { subject });
    if ((thrown as NodeJS.ErrnoException).code === undefined) throw thrown;
    throw wrongUsage(`cannot read ${file} (${(thrown as NodeJS.ErrnoException).code})`, { subject });
  }
}

/** `1:05.2` */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}.${Math.floor((ms % 1_000) / 100)}`;
}
