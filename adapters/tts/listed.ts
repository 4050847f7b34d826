import type { TtsProvider, Voice } from './port.ts';

/** `voices` for a provider with a fixed list; the first voice of a language is its default. */
export function listedVoices(all: readonly Voice[]): TtsProvider['voices'] {
  return async (language) => {
    if (language === undefined) return all.filter((voice, nth) => all.findIndex((other) => other.language === voice.language) === nth);
    const [family] = language.split('-');
    const spoken = all.filter((voice) => voice.language.split('-')[0] === family);
    // The accent of the requested country comes first.
    return spoken.toSorted((a, b) => Number(b.language === language) - Number(a.language === language));
  };
}
