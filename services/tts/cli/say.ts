/** `polyb say`. */
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { tts } from '../../../contracts/tts.ts';
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { opusFileInSlices } from '../../../media/audio/opus.ts';
import { bytesOf } from '../../../media/audio/pcm.ts';
import { wavFile } from '../../../media/audio/wav.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

export async function sayText(invocation: Invocation): Promise<number> {
  const { args, flags, out, path, signal } = invocation;
  const [text] = args;
  const file = flags.text('file');
  if (text === undefined || text.trim() === '')
    throw wrongUsage('expected a text', { subject: path, next: ['polyb say "Добрый день!" -o hello.wav'] });
  if (file === undefined && out.isTty)
    throw wrongUsage('audio cannot be shown on a terminal', {
      subject: path,
      next: ['polyb say TEXT -o hello.wav', 'polyb say TEXT | aplay -t raw -f S16_LE -r 8000'],
    });
  return await withAsk(invocation, async (_ask, connected) => {
    const { bus } = await connected();
    const [voice, language] = [flags.text('voice'), flags.text('language')];
    const options = { ...(voice === undefined ? {} : { voice }), ...(language === undefined ? {} : { language }) };
    const parts: Uint8Array[] = [];
    let spoken = { voice: '', provider: '', durationMs: 0 };
    const texts = (async function* () {
      yield { id: 'text', text };
    })();
    for await (const item of bus.open(tts.synthesize_stream, options, texts, { signal })) {
      if ('end' in item) spoken = item;
      else parts.push(item.audio);
    }
    const samples = decode('PCMU', Buffer.concat(parts));
    const { durationMs, provider } = spoken;
    out.note(`spoken by ${spoken.voice} of ${provider}`, 'ok');
    if (file === undefined) out.bytes(bytesOf(samples));
    else {
      const recording = extname(file) === '.ogg' ? await opusFileInSlices(samples, signal) : wavFile({ rateHz, channels: 1 }, samples);
      await using handle = await open(file, 'w', 0o600);
      await handle.writeFile(recording);
      await out.result(
        { file, seconds: durationMs / 1_000, voice: spoken.voice, provider },
        { text: () => `${file}  ${(durationMs / 1_000).toFixed(1)} s  ${spoken.voice} (${provider})\n` },
      );
    }
    return 0;
  });
}
