/** `polyb calls listen CALL --whisper`. */
import { calls } from '../../../contracts/calls.ts';
import { encode, rateHz } from '../../../media/audio/g711.ts';
import { createSampleReader } from '../../../media/audio/pcm.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import type { Connected } from '../../../scripts/cli/kernel/connect.ts';
import { audioOf } from './audio-of.ts';
import { heardAudio } from './heard-audio.ts';

const chunkBytes = 800;
const next = ['polyb say "Предложи скидку" -o advice.wav', 'arecord -t raw -f S16_LE -r 8000 | polyb calls listen CALL --whisper -'];

/** Speaks `source` (a WAV file, or - for raw samples on standard input) to the person who has the call, and listens to both sides. */
export async function whisperIn(
  callId: string,
  source: string,
  { bus }: Pick<Connected, 'bus'>,
  { flags, out, path, signal }: Invocation,
): Promise<number> {
  const spoken = source === '-' ? fromStdin() : pieces(await audioOf(source, path, next));
  const forMs = flags.ms('for');
  const until = AbortSignal.any([signal, ...(forMs === undefined ? [] : [AbortSignal.timeout(forMs)])]);
  const file = flags.text('file');
  const heard = await heardAudio(file, out);
  let whisperedBytes = 0;
  async function* whispered() {
    out.note(`whispering in ${callId}; the customer cannot hear it (Ctrl-C to stop)`, 'ok');
    for await (const audio of spoken) {
      whisperedBytes += audio.length;
      yield audio;
    }
    out.note('everything has been said; still listening', 'ok');
    await new Promise<void>((resolve) => until.addEventListener('abort', () => resolve(), { once: true }));
  }
  let seconds = 0;
  try {
    for await (const item of bus.open(calls.whisper, { callId }, whispered(), { signal: until })) {
      if ('customer' in item) heard.left(item.customer);
      else heard.right(item.person);
    }
  } catch (error) {
    if (!until.aborted) throw error;
  } finally {
    ({ seconds } = await heard.close());
  }
  const whisperedSeconds = Math.round((whisperedBytes / rateHz) * 10) / 10;
  out.note(`whispered ${whisperedSeconds} s, heard ${seconds} s`, 'ok');
  if (file !== undefined) await out.result({ file, seconds, whisperedSeconds }, { text: () => `${file}  ${seconds} s\n` });
  return 0;
}

async function* pieces(audio: Uint8Array) {
  for (let at = 0; at < audio.length; at += chunkBytes) yield audio.subarray(at, at + chunkBytes);
}
/** 16 bits, little-endian, 8000 Hz, one channel. */
async function* fromStdin() {
  const samplesOf = createSampleReader();
  for await (const chunk of process.stdin) yield* pieces(encode('PCMU', samplesOf(chunk as Buffer)));
}
