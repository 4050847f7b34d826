/** A button whose act is asked for twice. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { kitWords } from '../words/kit.ts';
import type { Desk } from './desk.ts';
import { html } from './html.ts';
import { describeError } from './pictures.ts';
import { errorOf } from './resource.ts';

export interface SureProps {
  readonly desk: Desk;
  readonly label: string;
  /** What the act does, said before it is done. */
  readonly warning: string;
  readonly run: () => Promise<void>;
}

export function Sure({ desk, label, warning, run }: SureProps): VNode {
  const t = desk.words(kitWords);
  const isAsking = useSignal(false);
  const isBusy = useSignal(false);
  const problem = useSignal('');
  const opener = useRef<HTMLButtonElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (isAsking.value) cancel.current?.focus();
    else if (wasAsking.current) opener.current?.focus();
    wasAsking.current = isAsking.value;
  }, [isAsking.value]);
  async function confirmed(): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    problem.value = '';
    try {
      await run();
      isAsking.value = false;
    } catch (thrown) {
      problem.value = describeError(desk, errorOf(thrown));
    }
    isBusy.value = false;
  }
  const ask = (value: boolean) => (): void => {
    isAsking.value = value;
    problem.value = '';
  };
  if (!isAsking.value) return html`<button type="button" ref=${opener} onClick=${ask(true)}>${label}</button>`;
  return html`<div class="sure" role="group" aria-label=${label}>
    <p>${warning}</p>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    <button type="button" class="primary" disabled=${isBusy.value} onClick=${() => void confirmed()}>${label}</button>${' '}
    <button type="button" ref=${cancel} onClick=${ask(false)}>${t('cancel')}</button>
  </div>`;
}
