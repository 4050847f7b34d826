/** A filter of the address whose value is typed; Enter shows the list that it leaves. */
import type { VNode } from 'preact';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';

export interface TextFilterProps {
  readonly desk: Desk;
  readonly name: string;
  readonly label: string;
  readonly submit: string;
  readonly hint?: string;
}

export function TextFilter({ desk, name, label, submit, hint }: TextFilterProps): VNode {
  const value = desk.router.route.value.query[name] ?? '';
  const submitted = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = String(new FormData(event.target as HTMLFormElement).get(name)).trim();
    desk.router.filter({ [name]: text === '' ? null : text });
  };
  return html`<form class="bar" role="search" aria-label=${label} onSubmit=${submitted}>
    <label>${label} <input name=${name} value=${value} maxlength="40" autocapitalize="none" spellcheck=${false} /></label>
    ${hint !== undefined && html`<span class="quiet">${hint}</span>`}
    <button type="submit">${submit}</button>
  </form>`;
}
