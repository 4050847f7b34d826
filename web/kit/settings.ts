/** Settings of this browser: language, theme, sound, keys, columns. */
import { effect, type Signal, signal } from '@preact/signals';
import { type Language, languages } from './words.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
export interface Settings {
  readonly language: Signal<Language>;
  readonly theme: Signal<Theme>;
  /** A sound when something new waits. */
  readonly hasSound: Signal<boolean>;
  readonly hasKeys: Signal<boolean>;
  /** Physical key (`event.code`) by the name of a binding, where it is not the default. */
  readonly keys: Signal<Readonly<Record<string, string>>>;
  /** Hidden columns by the name of a list. */
  readonly hiddenColumns: Signal<Readonly<Record<string, readonly string[]>>>;
}
const prefix = 'polyb.';

/** Kept in `storage`; changes in other tabs of the browser arrive. What is stored but unusable counts as absent. */
export function createSettings(storage: Storage, preferred: readonly string[]): Settings {
  const reread: (() => void)[] = [];
  const language = preferred.find((tag) => /^(ru|en)\b/.test(tag))?.slice(0, 2) === 'en' ? 'en' : 'ru';
  const settings: Settings = {
    language: kept<Language>('language', language, (value) => languages.includes(value as Language)),
    theme: kept<Theme>('theme', 'auto', (value) => themes.includes(value as Theme)),
    hasSound: kept('sound', false, (value) => typeof value === 'boolean'),
    hasKeys: kept('keysOn', true, (value) => typeof value === 'boolean'),
    keys: kept('keys', {}, isRecord),
    hiddenColumns: kept('columns', {}, isRecord),
  };
  addEventListener('storage', () => {
    for (const read of reread) read();
  });
  return settings;

  function kept<T>(name: string, initial: T, isValid: (value: unknown) => boolean): Signal<T> {
    const read = (): T => {
      const text = storage.getItem(prefix + name);
      if (text === null) return initial;
      const value = parse(text);
      return isValid(value) ? (value as T) : initial;
    };
    const value = signal<T>(read());
    reread.push(() => {
      value.value = read();
    });
    effect(() => {
      const text = JSON.stringify(value.value);
      if (value.value === initial && storage.getItem(prefix + name) === null) return;
      if (storage.getItem(prefix + name) !== text) storage.setItem(prefix + name, text);
    });
    return value;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Another program wrote it.
  }
}
function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
