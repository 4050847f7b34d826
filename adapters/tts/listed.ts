import type { TtsProvider, Voice } from './port.ts';

/** `voices` of a provider whose list is known; the first voice of a language is its default. */
export function listedVoices(all: readonly Voice[]): TtsProvider['voices'] {
  return async (language) => {
    if (language === undefined) return all.filter((voice, nth) => all.findIndex((other) => other.language === voice.language) === nth);
    const [family] = language.split('-');
    const spoken = all.filter((voice) => voice.language.split('-')[0] === family);
    // Of two accents, the one of the country first.
    return spoken.toSorted((a, b) => Number(b.language === language) - Number(a.language === language));
  };
}
