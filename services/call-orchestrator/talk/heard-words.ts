import { heardOf as heardOfParts, sayParts } from '../../../media/russian/say.ts';

/** A slow voice: an estimate while the audio is incomplete and its length unknown. */
const msPerLetter = 50;

/** The heard words of an utterance, by the share of its audio; a word that was cut off does not count. */
export function heardOf({
  text,
  playedMs,
  voicedMs,
}: {
  readonly text: string;
  readonly playedMs: number;
  /** Length of the audio so far. */
  readonly voicedMs: number;
}): string {
  const parts = sayParts(text);
  const letters = parts.reduce((sum, { said }) => sum + said.length, 0);
  return heardOfParts(parts, playedMs / Math.max(voicedMs, letters * msPerLetter, 1));
}
