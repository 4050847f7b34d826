import { sayRussian } from '../../media/russian/say.ts';
import type { Speak, TtsProvider } from './port.ts';

/** Wraps a voice so that numbers, dates, phones and abbreviations in Russian texts reach the provider in words. */
export function inWords(tts: TtsProvider): TtsProvider {
  const { stream } = tts;
  return {
    ...tts,
    speak: (request, signal) => tts.speak(spokenForm(request), signal),
    ...(stream === undefined ? {} : { stream: (request, signal) => stream(spokenForm(request), signal) }),
  };
}
/** Does the same for every voice of an adapter. */
export const givenWords =
  <Parts extends readonly unknown[]>(create: (...parts: Parts) => TtsProvider): ((...parts: Parts) => TtsProvider) =>
  (...parts) =>
    inWords(create(...parts));

const spokenForm = (request: Speak): Speak => (/^ru\b/i.test(request.language) ? { ...request, text: sayRussian(request.text) } : request);
