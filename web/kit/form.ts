/** Fields that are sent together; a failure is said beside them. */
import { useSignal } from '@preact/signals';
import { type ComponentChildren, Fragment, type VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { Desk } from './desk.ts';
import { html } from './html.ts';
import { describeError } from './pictures.ts';
import { errorOf } from './resource.ts';

export interface FormProps {
  readonly desk: Desk;
  readonly submit: string;
  /** Shown from the start. */
  readonly refusal?: string | undefined;
  /** Returns what is wrong with the fields, if anything; otherwise they are drawn as at first. */
  readonly run: (fields: FormData) => Promise<string | undefined>;
  readonly children?: ComponentChildren;
}

export function Form({ desk, submit, refusal, run, children }: FormProps): VNode {
  const problem = useSignal('');
  const isBusy = useSignal(false);
  const sent = useSignal(0);
  const form = useRef<HTMLFormElement>(null);
  async function submitted(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (isBusy.value || form.current === null) return;
    isBusy.value = true;
    problem.value = '';
    try {
      problem.value = (await run(new FormData(form.current))) ?? '';
      if (problem.value === '') sent.value += 1;
    } catch (thrown) {
      problem.value = describeError(desk, errorOf(thrown));
    }
    isBusy.value = false;
  }
  const shown = problem.value || refusal;
  return html`<form ref=${form} onSubmit=${(event: SubmitEvent) => void submitted(event)}>
    <${Fragment} key=${sent.value}>${children}<//>
    ${shown && html`<p class="problem" role="alert">${shown}</p>`}
    <button type="submit" class="primary" disabled=${isBusy.value}>${submit}</button>
  </form>`;
}
