/** The lists that `espeak-ng --voices` prints: a heading, then `Pty Language Age/Gender VoiceName File`, in columns. */
import type { Voice } from './port.ts';

export interface VoiceFile {
  readonly name: string;
  readonly gender: 'female' | 'male' | null;
}
interface Row {
  readonly language: string;
  readonly gender: 'female' | 'male' | null;
  readonly file: string;
}

function rowsOf(list: string): readonly Row[] {
  return list
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, language, age, , file] = line.trim().split(/\s+/);
      if (language === undefined || age === undefined || file === undefined) return [];
      return [{ language, gender: age.endsWith('F') ? 'female' : age.endsWith('M') ? 'male' : null, file }];
    });
}

/** One voice for each language whose BCP 47 tag is a language or a language and a country. */
export function languagesOf(list: string): readonly Voice[] {
  return rowsOf(list).flatMap(({ language: voice, gender }): Voice[] => {
    const [, language, country] = /^([a-z]{2,3})(?:-([a-z]{2}))?$/.exec(voice) ?? [];
    if (language === undefined) return [];
    return [{ voice, language: country === undefined ? language : `${language}-${country.toUpperCase()}`, gender }];
  });
}

/** Variants, which can follow any voice after a `+`, by their files: `!v/f2`. */
export function variantsOf(list: string): readonly VoiceFile[] {
  return rowsOf(list).flatMap(({ file, gender }) => {
    const [, name] = /^!v\/([A-Za-z0-9_-]+)$/.exec(file) ?? [];
    return name === undefined ? [] : [{ name, gender }];
  });
}
