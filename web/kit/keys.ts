/** Keys by their place on the keyboard (`event.code`), so that any layout works. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import type { Settings } from './settings.ts';

export interface Binding {
  /** Name under which the settings keep another key. */
  readonly name: string;
  /** `KeyA`. */
  readonly code: string;
  readonly shift?: boolean;
  /** A key that is pressed before: `KeyG` for «G, then A». */
  readonly after?: string;
  readonly label: string;
  run(): void;
}
export interface Keys {
  /** Bindings in effect, for the help. */
  readonly active: ReadonlySignal<readonly Binding[]>;
  /** Ends with the returned function. */
  bind(bindings: readonly Binding[]): () => void;
  codeOf(binding: Pick<Binding, 'name' | 'code'>): string;
}
const afterMs = 1_500;

/** Off in fields, in dialogs and with Ctrl, Alt or Meta, and where the settings turn keys off. The latest binding of a key wins. */
export function createKeys({ hasKeys, keys }: Pick<Settings, 'hasKeys' | 'keys'>): Keys {
  const active = signal<readonly Binding[]>([]);
  let before: { readonly code: string; readonly at: number } | undefined;
  const codeOf: Keys['codeOf'] = ({ name, code }) => keys.value[name] ?? code;

  document.addEventListener('keydown', (event) => {
    if (!hasKeys.value || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || isTyping(event)) return;
    const prefix = before !== undefined && event.timeStamp - before.at < afterMs ? before.code : undefined;
    before = undefined;
    const found = active.value.findLast(
      (binding) => codeOf(binding) === event.code && (binding.shift ?? false) === event.shiftKey && binding.after === prefix,
    );
    if (found !== undefined) {
      event.preventDefault();
      found.run();
    } else if (active.value.some(({ after }) => after === event.code) && !event.shiftKey) {
      before = { code: event.code, at: event.timeStamp };
    }
  });
  return {
    active,
    codeOf,
    bind(bindings) {
      active.value = [...active.peek(), ...bindings];
      return () => {
        active.value = active.peek().filter((each) => !bindings.includes(each));
      };
    },
  };
}

/** Binds while the component is shown, from the moment it is. */
export function useKeys(keys: Keys, bindings: readonly Binding[], changes: readonly unknown[]): void {
  useLayoutEffect(() => keys.bind(bindings), changes);
}

/** `KeyA` as `A`, `Digit1` as `1`. */
export function keyLabel(code: string): string {
  return code
    .replace(/^(Key|Digit)/, '')
    .replace('Slash', '/')
    .replace('ArrowDown', '↓')
    .replace('ArrowUp', '↑')
    .replace('Escape', 'Esc');
}

/** In a field or a dialog; and Enter belongs to the button or the link that has the focus. */
function isTyping({ target, code }: KeyboardEvent): boolean {
  const own = code === 'Enter' || code === 'Space' ? ', button, a, summary' : '';
  return target instanceof Element && target.closest(`input, textarea, select, [contenteditable], dialog${own}`) !== null;
}
