/** Key presses that arrive over more than one path count once each. */

/** RFC 4733, SIP INFO, tones in the audio. */
export type DigitSource = 'rfc4733' | 'info' | 'inband';

export interface Digits {
  /** Whether this report is a new press rather than one already reported over another path. */
  isNew(digit: string, by: DigitSource, nowMs: number): boolean;
}

/** How much later another path may report the same press: INFO may wait for a retransmission. */
const withinMs = 1_000;
const mostRemembered = 32;

export function createDigits(): Digits {
  let presses: { readonly digit: string; readonly atMs: number; readonly by: Set<DigitSource> }[] = [];
  return {
    isNew(digit, by, nowMs) {
      presses = presses.filter(({ atMs }) => nowMs - atMs <= withinMs).slice(-mostRemembered);
      const other = presses.find((press) => press.digit === digit && !press.by.has(by));
      if (other === undefined) presses.push({ digit, atMs: nowMs, by: new Set([by]) });
      else other.by.add(by);
      return other === undefined;
    },
  };
}
