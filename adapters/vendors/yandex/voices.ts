import type { Voice } from '../../tts/port.ts';

/** Voices with their roles, the default of a language first. Source: yandex.cloud/docs/speechkit, List of voices. */
const voices: readonly (readonly [voice: string, language: string, gender: 'female' | 'male', roles: string])[] = [
  ['alena', 'ru-RU', 'female', 'neutral good'],
  ['filipp', 'ru-RU', 'male', ''],
  ['ermil', 'ru-RU', 'male', 'neutral good'],
  ['jane', 'ru-RU', 'female', 'neutral good evil'],
  ['omazh', 'ru-RU', 'female', 'neutral evil'],
  ['zahar', 'ru-RU', 'male', 'neutral good'],
  ['dasha', 'ru-RU', 'female', 'neutral good friendly'],
  ['julia', 'ru-RU', 'female', 'neutral strict'],
  ['lera', 'ru-RU', 'female', 'neutral friendly'],
  ['masha', 'ru-RU', 'female', 'good strict friendly'],
  ['marina', 'ru-RU', 'female', 'neutral whisper friendly'],
  ['alexander', 'ru-RU', 'male', 'neutral good'],
  ['kirill', 'ru-RU', 'male', 'neutral strict good'],
  ['anton', 'ru-RU', 'male', 'neutral good'],
  ['john', 'en-US', 'male', ''],
  ['lea', 'de-DE', 'female', ''],
  ['naomi', 'he-IL', 'female', ''],
  ['amira', 'kk-KK', 'female', ''],
  ['madi', 'kk-KK', 'male', ''],
];

/** Each voice, alone and with each of its roles: `jane+good`. */
export const yandexVoices: readonly Voice[] = voices.flatMap(([voice, language, gender, roles]) =>
  [voice, ...roles.split(' ').flatMap((role) => (role === '' ? [] : [`${voice}+${role}`]))].map((name) => ({
    voice: name,
    language,
    gender,
  })),
);
