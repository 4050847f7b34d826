/** A short table with a title, which is scrolled within itself where the window is narrow. */
import type { ComponentChildren, VNode } from 'preact';
import { useId } from 'preact/hooks';
import { html } from '../kit/html.ts';

export interface TableProps<T> {
  readonly title: string;
  readonly empty: string;
  readonly rows: readonly T[];
  readonly idOf: (row: T) => string;
  /** The first one names the row. */
  readonly columns: readonly (readonly [title: string, cell: (row: T) => ComponentChildren])[];
}
export function Table<T>({ title, empty, rows, idOf, columns }: TableProps<T>): VNode {
  const id = useId();
  return html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2>
    ${
      rows.length === 0
        ? html`<p class="quiet">${empty}</p>`
        : html`<div class="scroll" tabindex="0" role="group" aria-labelledby=${id}><table class="plain">
          <thead><tr>${columns.map(([head]) => html`<th key=${head} scope="col">${head}</th>`)}</tr></thead>
          <tbody>${rows.map(
            (row) =>
              html`<tr key=${idOf(row)} data-id=${idOf(row)}>${columns.map(([head, cell], n) =>
                n === 0 ? html`<th key=${head} scope="row">${cell(row)}</th>` : html`<td key=${head}>${cell(row)}</td>`,
              )}</tr>`,
          )}</tbody></table></div>`
    }</section>`;
}
