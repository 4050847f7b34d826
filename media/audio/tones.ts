/** Tones of a phone network, at 8 kHz. */
import { rateHz } from './g711.ts';

/** The keys of DTMF (ITU-T Q.23) in rows of 697, 770, 852 and 941 Hz and columns of 1209, 1336, 1477 and 1633 Hz. */
export const keypad = ['123A', '456B', '789C', '*0#D'] as const;
export const dtmfRowsHz = [697, 770, 852, 941] as const;
export const dtmfColumnsHz = [1_209, 1_336, 1_477, 1_633] as const;

export interface Tone {
  /** One frequency, or several at once. */
  readonly hz: readonly number[];
  readonly ms: number;
  /** Level of each frequency in dBm0: 0 is 3.14 dB below a sine of full scale (G.711). */
  readonly dbm0: number;
}

/** The samples of a tone, with 2 ms of rise and fall so that it does not click. */
export function makeTone({ hz, ms, dbm0 }: Tone): Int16Array<ArrayBuffer> {
  const count = Math.round((ms * rateHz) / 1_000);
  const ramp = Math.min(16, count / 2);
  const amplitude = 32_767 * 10 ** ((dbm0 - 3.14) / 20);
  return Int16Array.from({ length: count }, (_, nth) => {
    const gain = Math.min(1, (nth + 1) / ramp, (count - nth) / ramp);
    const sum = hz.reduce((total, each) => total + Math.sin((2 * Math.PI * each * nth) / rateHz), 0);
    return Math.max(-32_768, Math.min(32_767, Math.round(amplitude * gain * sum)));
  });
}

/** The two tones of a key; null for any other character. */
export function makeDtmf(digit: string, ms = 100): Int16Array<ArrayBuffer> | null {
  const row = keypad.findIndex((keys) => digit.length === 1 && keys.includes(digit));
  const column = keypad[row]?.indexOf(digit) ?? -1;
  if (row < 0 || column < 0) return null;
  return makeTone({ hz: [dtmfRowsHz[row] as number, dtmfColumnsHz[column] as number], ms, dbm0: -9 });
}

/** One period of a tone that repeats: its sound, then its silence. */
export function makeCadence(tone: Tone, silentMs: number): Int16Array<ArrayBuffer> {
  const samples = makeTone(tone);
  const period = new Int16Array(samples.length + Math.round((silentMs * rateHz) / 1_000));
  period.set(samples);
  return period;
}

/** Ringing as callers in Russia hear it: 425 Hz, 1 s on and 4 s off (ITU-T E.180, supplement 2). */
export const ringback = () => makeCadence({ hz: [425], ms: 1_000, dbm0: -12 }, 4_000);
/** While a caller is on hold without music: a short beep every 5 s. */
export const holdTone = () => makeCadence({ hz: [425], ms: 150, dbm0: -18 }, 4_850);
/** Before a voice message, and in a recording that is paused: 1,400 Hz, 400 ms (ITU-T E.180, record tone). */
export const beep = () => makeTone({ hz: [1_400], ms: 400, dbm0: -15 });
