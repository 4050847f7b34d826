/** Reads WAV files as phone audio. */
import { open } from 'node:fs/promises';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { encode, rateHz } from '../../../media/audio/g711.ts';
import { resample } from '../../../media/audio/resample.ts';
import { readWav, WavError } from '../../../media/audio/wav.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

const mostBytes = 64 << 20;

/** Reads G.711 μ-law, 8 kHz, mono, from the left of two channels. @param subject, next used in the refusal of an unreadable file */
export async function audioOf(file: string, subject: string, next: readonly string[]): Promise<Uint8Array> {
  try {
    await using handle = await open(file, 'r');
    if ((await handle.stat()).size > mostBytes) throw wrongUsage(`${file} is larger than ${mostBytes >> 20} MB`, { subject });
    const wav = readWav(await handle.readFile());
    const mono = wav.channels === 1 ? wav.samples : wav.samples.filter((_, nth) => nth % 2 === 0);
    return encode('PCMU', resample(mono, wav.rateHz, rateHz));
  } catch (thrown) {
    if (isPolybError(thrown)) throw thrown;
    if (thrown instanceof WavError) throw wrongUsage(`${file} is no WAV file: ${thrown.message}`, { subject, next: [...next] });
    if ((thrown as NodeJS.ErrnoException).code === undefined) throw thrown;
    throw wrongUsage(`cannot read ${file} (${(thrown as NodeJS.ErrnoException).code})`, { subject, next: [...next] });
  }
}
