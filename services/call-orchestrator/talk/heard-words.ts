import { heardOf as heardOfParts, sayParts } from '../../../media/russian/say.ts';

/** A slow voice; as long as not all of the audio exists, its length is not known. */
const msPerLetter = 50;

/** The words of an utterance that were heard, by the share of its audio; a word that was cut off was not heard. */
export function heardOf({
  text,
  playedMs,
  voicedMs,
}: {
  readonly text: string;
  readonly playedMs: number;
  /** Of the audio so far. */
  readonly voicedMs: number;
}): string {
  const parts = sayParts(text);
  const letters = parts.reduce((sum, { said }) => sum + said.length, 0);
  return heardOfParts(parts, playedMs / Math.max(voicedMs, letters * msPerLetter, 1));
}
