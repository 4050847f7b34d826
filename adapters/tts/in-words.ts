import { sayRussian } from '../../media/russian/say.ts';
import type { Speak, TtsProvider } from './port.ts';

/** A voice that says figures, dates, phones and abbreviations of Russian texts in words, whatever the provider makes of them. */
export function inWords(tts: TtsProvider): TtsProvider {
  const { stream } = tts;
  return {
    ...tts,
    speak: (request, signal) => tts.speak(spokenForm(request), signal),
    ...(stream === undefined ? {} : { stream: (request, signal) => stream(spokenForm(request), signal) }),
  };
}
/** The same for every voice of an adapter. */
export const givenWords =
  <Parts extends readonly unknown[]>(create: (...parts: Parts) => TtsProvider): ((...parts: Parts) => TtsProvider) =>
  (...parts) =>
    inWords(create(...parts));

const spokenForm = (request: Speak): Speak => (/^ru\b/i.test(request.language) ? { ...request, text: sayRussian(request.text) } : request);
