/** A secret that is shown once: what holds it forgets it when it is dismissed. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { onceWords } from '../words/once.ts';

export interface OnceProps {
  readonly desk: Desk;
  readonly title: string;
  readonly secret: string;
  readonly dismiss: () => void;
}

export function Once({ desk, title, secret, dismiss }: OnceProps): VNode {
  const t = desk.words(onceWords);
  const field = useRef<HTMLInputElement>(null);
  const outcome = useSignal<'' | 'copied' | 'notCopied'>('');
  useEffect(() => {
    outcome.value = '';
    field.current?.focus();
    field.current?.select();
  }, [secret]);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(secret);
      outcome.value = 'copied';
    } catch {
      // The person or the browser does not allow it.
      field.current?.select();
      outcome.value = 'notCopied';
    }
  }
  return html`<section class="once" aria-label=${title}>
    <h2>${title}</h2>
    <p>${t('once')}</p>
    <div class="bar">
      <input ref=${field} readonly class="grow" aria-label=${title} value=${secret} spellcheck=${false} />
      <button type="button" class="primary" onClick=${() => void copy()}>${t('copy')}</button>
      <button type="button" onClick=${dismiss}>${t('dismiss')}</button>
    </div>
    <p role="status">${outcome.value && t(outcome.value)}</p>
  </section>`;
}
