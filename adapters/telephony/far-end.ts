/** A scripted person at a phone of the loopback gateway. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { PolybError } from '../../contracts/kit/errors.ts';
import { encode } from '../../media/audio/g711.ts';
import { resample } from '../../media/audio/resample.ts';
import { readWav } from '../../media/audio/wav.ts';
import type { FarPhone } from './loopback-leg.ts';

const Ms = z.int().min(0).max(600_000);
export const FarEnd = z.strictObject({
  ringMs: Ms.default(500),
  /** How the call is taken. */
  answer: z.enum(['yes', 'busy', 'rejected', 'no_answer']).default('yes'),
  acts: z
    .array(
      z.union([
        z.strictObject({ waitMs: Ms }),
        z.strictObject({ quietMs: Ms }).describe('Waits until something has been heard, then for this much silence.'),
        z.strictObject({
          press: z
            .string()
            .max(32)
            .regex(/^[0-9*#A-D]+$/),
        }),
        z.strictObject({ say: z.string().max(500) }).describe('A WAV file.'),
        z.strictObject({ hangUp: z.literal(true) }),
      ]),
    )
    .max(100)
    .default([]),
});
type Script = z.output<typeof FarEnd>;
export const silentFarEnd: Script = { ringMs: 500, answer: 'yes', acts: [] };

/** @throws PolybError invalid_argument for a file that is not a valid script. */
export async function readFarEnd(file: string): Promise<Script> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  const script = FarEnd.safeParse(content);
  if (script.success) return script.data;
  throw new PolybError('invalid_argument', `${file}: ${z.prettifyError(script.error)}`);
}

/** Plays the script at a ringing phone, until the call ends. */
export async function playFarEnd(phone: FarPhone, { ringMs, answer, acts }: Script): Promise<void> {
  const over = new AbortController();
  phone.onChange(() => {
    if (phone.state === 'ended') over.abort();
  });
  const { signal } = over;
  phone.ring();
  await delay(ringMs, undefined, { signal });
  if (answer !== 'yes') return phone.hangUp(answer);
  const heard = listened(phone);
  phone.answer();
  for (const act of acts) {
    if (signal.aborted) return;
    if ('waitMs' in act) await delay(act.waitMs, undefined, { signal });
    else if ('quietMs' in act) await heard.quiet(act.quietMs, signal);
    else if ('press' in act) phone.press(act.press);
    else if ('say' in act) await phone.say(await audioOf(act.say));
    else phone.hangUp();
  }
}

function listened(phone: FarPhone): { quiet(ms: number, signal: AbortSignal): Promise<void> } {
  let heardAt: number | null = null;
  phone.hear(() => {
    heardAt = performance.now();
  });
  return {
    async quiet(ms, signal) {
      while (heardAt === null || performance.now() - heardAt < ms) await delay(20, undefined, { signal });
      heardAt = null;
    },
  };
}
async function audioOf(file: string): Promise<Uint8Array> {
  const { samples, rateHz, channels } = readWav(await readFile(file));
  const mono = channels === 1 ? samples : samples.filter((_, nth) => nth % 2 === 0);
  return encode('PCMU', resample(mono, rateHz, 8_000));
}
