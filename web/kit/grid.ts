/** A list as a table: columns to choose, export, and a button for what is new. */
import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { kitWords } from '../words/kit.ts';
import { isAbort, isRequestError } from './api.ts';
import { download, exportCsv, type Page } from './csv.ts';
import type { Desk } from './desk.ts';
import { html } from './html.ts';
import { useKeys } from './keys.ts';
import type { List } from './list.ts';
import { describeError, drawn, Picture } from './pictures.ts';
import { errorOf } from './resource.ts';
import { pause } from './wait.ts';
import { focusList, Windowed } from './windowed.ts';

export interface Column<T> {
  readonly name: string;
  readonly title: string;
  /** As text: shown, unless there is a `cell`, and exported. */
  readonly text: (item: T) => string;
  readonly cell?: (item: T) => ComponentChildren;
}
export interface GridProps<T> {
  readonly desk: Desk;
  readonly name: string;
  readonly label: string;
  readonly list: List<T>;
  readonly idOf: (item: T) => string;
  readonly columns: readonly Column<T>[];
  readonly open?: (item: T) => void;
  readonly rowClass?: (item: T) => string;
  /** Said instead of rows. */
  readonly empty?: string;
  /** A page of the list, for the export. */
  readonly load: (page: { readonly cursor: string | undefined; readonly limit: number; readonly signal: AbortSignal }) => Promise<Page<T>>;
}

export function Grid<T>(props: GridProps<T>): VNode {
  const { desk, name, label, list, idOf, columns, open, rowClass, empty, load } = props;
  const t = desk.words(kitWords);
  const hidden = desk.settings.hiddenColumns.value[name] ?? [];
  const seen = columns.filter((column) => !hidden.includes(column.name));
  const focused = list.focused.value;
  useRowKeys(desk, name, list, focused === null || open === undefined ? undefined : () => open(focused));

  return html`<div class="list">
    <div class="bar">
      <${Fresh} desk=${desk} list=${list} name=${name} />
      <span class="grow"></span>
      <${ColumnChooser} desk=${desk} name=${name} columns=${columns} hidden=${hidden} />
      <${Export} desk=${desk} name=${name} columns=${seen} load=${load} />
    </div>
    ${drawn(
      desk,
      list.shown.value,
      () => void list.refresh(),
      (items) =>
        items.length === 0
          ? html`<${Empty} desk=${desk} list=${list} title=${empty ?? t('empty')} />`
          : html`<${Windowed}
            name=${name} label=${label} list=${list} idOf=${idOf} open=${open} rowClass=${rowClass}
            head=${{
              columns: seen.length,
              cells: seen.map(
                (column) => html`<div role="columnheader" class=${`cell ${column.name}`} key=${column.name}>${column.title}</div>`,
              ),
            }}
            row=${(item: T) =>
              seen.map(
                (column) =>
                  html`<div role="gridcell" class=${`cell ${column.name}`} key=${column.name}><bdi>${column.cell?.(item) ?? column.text(item)}</bdi></div>`,
              )}
          />`,
    )}
    <${MoreFailed} desk=${desk} list=${list} />
  </div>`;
}

/** J, K and the arrows move the focus from anywhere on the page; Enter opens. */
export function useRowKeys<T>(desk: Desk, name: string, list: List<T>, open?: () => void): void {
  const t = desk.words(kitWords);
  const move = (by: number) => (): void => {
    list.move(by);
    focusList(name);
  };
  useKeys(
    desk.keys,
    [
      { name: 'next', code: 'KeyJ', label: t('nextRow'), run: move(1) },
      { name: 'previous', code: 'KeyK', label: t('previousRow'), run: move(-1) },
      { name: 'down', code: 'ArrowDown', label: t('nextRow'), run: move(1) },
      { name: 'up', code: 'ArrowUp', label: t('previousRow'), run: move(-1) },
      ...(open === undefined ? [] : [{ name: 'open', code: 'Enter', label: t('openRow'), run: open }]),
    ],
    [list, open, desk.settings.language.value],
  );
}

/** Says how many rows came, and shows them when asked to. */
export function Fresh<T>({ desk, list, name }: { desk: Desk; list: List<T>; name: string }): VNode | null {
  const n = list.fresh.value;
  useEffect(() => {
    if (n > 0) desk.announce(desk.words(kitWords)('fresh', { n }));
  }, [n]);
  if (n === 0) return null;
  const show = async (): Promise<void> => {
    await list.refresh();
    focusList(name);
  };
  return html`<button type="button" class="fresh" onClick=${() => void show()}>${desk.words(kitWords)('fresh', { n })}</button>`;
}

/** A page may be empty although more follow: a manager sees few of many. */
function Empty<T>({ desk, list, title }: { desk: Desk; list: List<T>; title: string }): VNode {
  return html`<${Picture} kind="empty" title=${title} />
    ${list.hasMore.value && html`<p><button type="button" onClick=${() => void list.more()}>${desk.words(kitWords)('more')}</button></p>`}`;
}

export function MoreFailed<T>({ desk, list }: { desk: Desk; list: List<T> }): VNode | null {
  const error = list.moreError.value;
  if (error === null) return null;
  return html`<p class="problem" role="alert">${describeError(desk, error)}
    <button type="button" onClick=${() => void list.more()}>${desk.words(kitWords)('more')}</button></p>`;
}

function ColumnChooser<T>(props: { desk: Desk; name: string; columns: readonly Column<T>[]; hidden: readonly string[] }): VNode {
  const { desk, name, columns, hidden } = props;
  const choose = (column: string, isShown: boolean): void => {
    const next = isShown ? hidden.filter((each) => each !== column) : [...hidden, column];
    if (next.length < columns.length) desk.settings.hiddenColumns.value = { ...desk.settings.hiddenColumns.value, [name]: next };
  };
  return html`<details class="menu"><summary>${desk.words(kitWords)('columns')}</summary><div class="panel">
    ${columns.map(
      (column) => html`<label key=${column.name}>
        <input type="checkbox" checked=${!hidden.includes(column.name)} onChange=${(event: Event) => choose(column.name, (event.target as HTMLInputElement).checked)} />
        ${column.title}</label>`,
    )}
  </div></details>`;
}

interface Exporting {
  readonly rows: number;
  readonly stop: AbortController;
}
function Export<T>(props: { desk: Desk; name: string; columns: readonly Column<T>[]; load: GridProps<T>['load'] }): VNode {
  const { desk, name, columns, load } = props;
  const t = desk.words(kitWords);
  const exporting: Signal<Exporting | null> = useSignal(null);
  useEffect(() => () => exporting.peek()?.stop.abort(), []);
  async function run(): Promise<void> {
    const stop = new AbortController();
    exporting.value = { rows: 0, stop };
    try {
      const file = await exportCsv({
        head: columns.map(({ title }) => title),
        row: (item: T) => columns.map(({ text }) => text(item)),
        load: (cursor, signal) => patiently(() => load({ cursor, limit: 200, signal }), signal),
        progress: (rows) => {
          exporting.value = { rows, stop };
        },
        signal: stop.signal,
      });
      download(file, `${name}.csv`);
      desk.announce(t('csvDone'));
    } catch (thrown) {
      if (!stop.signal.aborted && !isAbort(thrown))
        desk.notify({ kind: 'failed', text: t('csvFailed', { why: describeError(desk, errorOf(thrown)) }) });
    }
    exporting.value = null;
  }
  const current = exporting.value;
  if (current === null) return html`<button type="button" onClick=${() => void run()}>${t('csv')}</button>`;
  return html`<span class="exporting">${t('csvRows', { n: current.rows })}
    <button type="button" onClick=${() => current.stop.abort()}>${t('csvCancel')}</button></span>`;
}

/** Waits and asks again when the server limits the rate. */
async function patiently<R>(request: () => Promise<R>, signal: AbortSignal): Promise<R> {
  for (;;) {
    try {
      return await request();
    } catch (thrown) {
      if (!isRequestError(thrown) || thrown.status !== 429) throw thrown;
      await pause(thrown.retryAfterMs ?? 1_000, signal);
    }
  }
}
