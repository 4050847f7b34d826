/** Rows of the journal as the pages of runs, reviews and dead letters share them: a list, the row that is open, and acts on it. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import type { journal } from '../../contracts/journal.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import type { RowState } from '../../contracts/kit/row-state.ts';
import type { Desk } from '../kit/desk.ts';
import type { Column } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { createList, type List, type ListOptions } from '../kit/list.ts';
import type { LiveItem } from '../kit/live.ts';
import { describeError, drawn } from '../kit/pictures.ts';
import { createResource, errorOf, type Resource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { rowWords } from '../words/rows.ts';
import { personOf } from './actor.ts';

export type Row = OutputOf<typeof journal.get>;
export type Step = Row['steps'][number];
/** `isGone`: it left the list while it is shown; its place does not change under the reader. */
export type Head = OutputOf<typeof journal.list>['items'][number] & { readonly isGone?: boolean };
type Query = Partial<Pick<InputOf<typeof journal.list>, 'view' | 'state' | 'method' | 'reason'>>;

export const states = [
  ...(['proposed', 'queued', 'attempting', 'waiting', 'unknown', 'review'] as const),
  ...(['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'] as const),
] satisfies readonly RowState[];
const ended: readonly RowState[] = ['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'];
export const isEnded = ({ state }: Pick<Row, 'state'>): boolean => ended.includes(state);
const looks: Readonly<Partial<Record<RowState, 'good' | 'bad' | 'warn'>>> = {
  ...{ done: 'good', failed: 'bad', expired: 'bad', review: 'warn', unknown: 'warn', proposed: 'warn' },
};
export const idOf = ({ id }: { readonly id: string }): string => id;

export interface Rows {
  readonly list: List<Head>;
  readonly load: ListOptions<Head>['load'];
}
/** @param topic Of the stream; null for a list that no topic reports. */
export function createRows(desk: Desk, query: Query, topic: string | null): Rows {
  const load: Rows['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof journal.list>('GET /api/v1/journal', { ...query, limit, ...(cursor === undefined ? {} : { cursor }) }, { signal });
  const apply = (row: Head, change: LiveItem): Head =>
    change.state === 'gone' ? { ...row, isGone: true } : ({ ...row, ...change } as Head);
  /** The stream repeats rows that have not changed: only one within the pages that were read is new. */
  const accepts = (change: LiveItem): boolean => {
    const oldest = list.items.peek().at(-1)?.createdAt;
    const isWithin = oldest === undefined || !list.hasMore.peek() || String(change.createdAt) >= oldest;
    return isWithin && change.state !== 'gone' && fits(query, change);
  };
  const list: List<Head> = createList<Head>({ load, idOf, ...(topic === null ? {} : { live: { topic, apply, accepts } }) }, desk.live);
  return { list, load };
}
function fits({ state, method, reason }: Query, change: LiveItem): boolean {
  if (state !== undefined && change.state !== state) return false;
  if (reason !== undefined && change.reason !== reason) return false;
  if (method === undefined) return true;
  return method.endsWith('*') ? String(change.method).startsWith(method.slice(0, -1)) : change.method === method;
}

export interface Opened {
  readonly id: ReadonlySignal<string | null>;
  readonly resource: ReadonlySignal<Resource<Row> | null>;
  readonly row: ReadonlySignal<Row | null>;
  readonly isRevealed: ReadonlySignal<boolean>;
  /** Shows personal data until another row is opened; the server records who asked. */
  reveal(): void;
  read(): void;
  close(): void;
  stop(): void;
}
/** The row whose id is in the address of the page `name`. Steps of a run have no topic: while it goes on it is read again. */
export function createOpened(desk: Desk, name: string, topic: string): Opened {
  const id = computed(() => (desk.router.route.value.page === name ? desk.router.route.value.id : null));
  const resource = signal<Resource<Row> | null>(null);
  const isRevealed = signal(false);
  const row = computed(() => {
    const shown = resource.value?.shown.value;
    return shown?.kind === 'ready' ? shown.value : null;
  });
  const read = (): void => void resource.peek()?.read();
  /** What is revealed is not read again by itself: each reading is one more entry of the audit. */
  const refresh = (): void => {
    if (!isRevealed.peek()) read();
  };
  const stops = [
    effect(() => {
      const current = id.value;
      isRevealed.value = false;
      const next =
        current === null
          ? null
          : createResource((signal) =>
              desk.api.call<typeof journal.get>('GET /api/v1/journal/{id}', { id: current, reveal: isRevealed.peek() }, { signal }),
            );
      resource.value = next;
      void next?.read();
      return () => next?.stop();
    }),
    effect(() => {
      void desk.now.value;
      const current = row.peek();
      if (current !== null && !isEnded(current) && document.visibilityState === 'visible') refresh();
    }),
    desk.live.on(topic, (change) => {
      if (change.id === id.peek()) refresh();
    }),
    desk.live.onGap(refresh),
  ];
  return {
    id,
    resource,
    row,
    isRevealed,
    read,
    reveal() {
      isRevealed.value = true;
      read();
    },
    close: () => desk.router.go(hrefOf(name, null, desk.router.route.peek().query)),
    stop() {
      for (const stop of stops) stop();
    },
  };
}

export interface Acts {
  /** Nothing may be done now: something is being done, or what is shown may be old. */
  readonly isOff: ReadonlySignal<boolean>;
  /** Does one thing at a time, and says the text that `run` returns, or why it failed. */
  act(run: () => Promise<string>): Promise<void>;
}
export function createActs(desk: Desk, after: () => void): Acts {
  const isBusy = signal(false);
  const fail = (text: string): void => {
    desk.notify({ kind: 'failed', text });
    desk.announce(text, 'assertive');
  };
  return {
    isOff: computed(() => isBusy.value || desk.live.isOld.value),
    async act(run) {
      if (isBusy.peek()) return;
      if (desk.live.isOld.peek()) return fail(desk.words(rowWords)('decidingOff'));
      isBusy.value = true;
      try {
        const text = await run();
        desk.notify({ kind: 'done', text });
        desk.announce(text);
      } catch (thrown) {
        fail(describeError(desk, errorOf(thrown)));
      }
      isBusy.value = false;
      after();
    },
  };
}

export function StateTag({ desk, row }: { desk: Desk; row: Pick<Head, 'state' | 'isGone'> }): VNode {
  const t = desk.words(rowWords);
  return html`<span class=${`tag ${looks[row.state] ?? ''}`}>${t(`state_${row.state}`)}</span>${row.isGone === true && html` <span class="quiet">${t('isGone')}</span>`}`;
}

/** Empty for a row that does not wait. */
export function whyItWaits(desk: Desk, { state, waitsFor, notBefore, step, mode }: Omit<Head, 'input'>): string {
  const t = desk.words(rowWords);
  if (waitsFor !== null) return t('waitsForRow', { id: waitsFor });
  if (state === 'proposed' || state === 'review') return t('waitsForPerson');
  if (state === 'unknown') return t('waitsForLookUp');
  if (notBefore !== null) return t('waitsUntil', { time: desk.format.value.fullTime(notBefore) });
  if (state === 'waiting') return mode === 'run' && step !== null ? t('waitsForStep', { step }) : t('waitsForTurn');
  return state === 'queued' ? t('waitsForTurn') : '';
}

/** Columns that every list of rows has. */
export function rowColumns(
  desk: Desk,
): Readonly<Record<'method' | 'state' | 'reason' | 'step' | 'why' | 'age' | 'attempts' | 'id', Column<Head>>> {
  const t = desk.words(rowWords);
  return {
    method: { name: 'method', title: t('method'), text: ({ method }) => method },
    state: {
      ...{ name: 'state', title: t('state'), text: ({ state }: Head) => t(`state_${state}`) },
      cell: (row) => html`<${StateTag} desk=${desk} row=${row} />`,
    },
    reason: { name: 'reason', title: t('reason'), text: ({ reason }) => reason ?? '' },
    step: { name: 'step', title: t('step'), text: ({ step }) => step ?? '' },
    why: { name: 'why', title: t('why'), text: (row) => whyItWaits(desk, row) },
    age: { name: 'age', title: t('age'), text: ({ createdAt }) => desk.format.value.age(createdAt, desk.now.value) },
    attempts: { name: 'attempts', title: t('attempts'), text: ({ attempts }) => desk.format.value.number(attempts) },
    id: { name: 'id', title: t('id'), text: ({ id }) => id },
  };
}

/** A filter by method, set when the field is left or Enter is pressed. */
export function MethodFilter({ desk, methods }: { desk: Desk; methods: readonly string[] }): VNode {
  const t = desk.words(rowWords);
  const { method = '' } = desk.router.route.value.query;
  return html`<label>${t('method')} <input type="search" name="method" list="methods" value=${method} title=${t('methodHelp')} maxlength="130"
      onChange=${(event: Event) => desk.router.filter({ method: (event.target as HTMLInputElement).value.trim() || null })} /></label>
    <datalist id="methods">${[...new Set(methods)].sort().map((each) => html`<option key=${each} value=${each} />`)}</datalist>`;
}

/** The open row, with its acts in the middle. */
export function OpenRow(props: {
  desk: Desk;
  opened: Opened;
  acts: (row: Row) => ComponentChildren;
  command: (row: Row) => string;
}): ComponentChildren {
  const { desk, opened, acts, command } = props;
  const t = desk.words(rowWords);
  const resource = opened.resource.value;
  if (resource === null) return null;
  return html`<section class="detail" aria-label=${t('chosen')}>
    <div class="bar"><span class="grow"></span><button type="button" onClick=${opened.close}>${t('close')} <kbd>Esc</kbd></button></div>
    ${drawn(
      desk,
      resource.shown.value,
      opened.read,
      (row) => html`<${Facts} desk=${desk} row=${row} command=${command(row)} />
      ${acts(row)}
      <${Data} desk=${desk} title=${t('input')} data=${row.input} isOpen=${true} />
      <${Data} desk=${desk} title=${t('output')} data=${row.output} />
      ${opened.isRevealed.value ? '' : html`<p class="quiet">${t('masked')} <button type="button" onClick=${opened.reveal}>${t('reveal')}</button> ${t('revealHelp')}</p>`}
      <${Log} desk=${desk} row=${row} /><${Audit} desk=${desk} row=${row} />`,
    )}
  </section>`;
}

function Facts({ desk, row, command }: { desk: Desk; row: Row; command: string }): VNode {
  const t = desk.words(rowWords);
  const format = desk.format.value;
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    [t('id'), html`<code>${row.id}</code>`],
    [t('key'), html`<code>${row.key}</code>`],
    ...(row.step === null ? [] : [[t('step'), row.step] as const]),
    ...(row.runId === null || row.runId === row.id
      ? []
      : [[t('runOf'), html`<a href=${hrefOf('runs', row.runId)}>${row.runId}</a>`] as const]),
    [t('created'), `${format.fullTime(row.createdAt)} (${format.age(row.createdAt, desk.now.value)})`],
    [t('updated'), format.fullTime(row.updatedAt)],
    [t('attempts'), format.number(row.attempts)],
    ...(row.caller === null ? [] : [[t('caller'), row.caller] as const]),
    ...(row.traceId === null ? [] : [[t('trace'), html`<code>${row.traceId}</code>`] as const]),
  ];
  const waits = whyItWaits(desk, row);
  return html`<h2><bdi>${row.method}</bdi> <${StateTag} desk=${desk} row=${row} /></h2>
    ${waits !== '' && html`<p>${t('why')}: ${waits}</p>`}
    ${(row.error ?? row.reason) !== null && html`<p class="problem"><strong>${row.reason}</strong> <bdi>${row.error}</bdi></p>`}
    <dl class="facts">${facts.map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>
    <div class="bar"><code>${command}</code><button type="button" onClick=${() => void copyCommand(desk, command)}>${t('copy')}</button></div>`;
}

export async function copyCommand(desk: Desk, command: string): Promise<void> {
  const t = desk.words(rowWords);
  try {
    await navigator.clipboard.writeText(command);
    desk.notify({ kind: 'done', text: t('copied', { command }) });
  } catch {
    // The browser allows it only on https, on loopback, and to a window that has the focus.
    desk.notify({ kind: 'failed', text: t('notCopied', { command }) });
  }
}

/** JSON as text. */
export function Data({ desk, title, data, isOpen = false }: { desk: Desk; title: string; data: unknown; isOpen?: boolean }): VNode {
  return html`<details open=${isOpen}><summary>${title}</summary>
    ${data === null || data === undefined ? html`<p class="quiet">${desk.words(rowWords)('noData')}</p>` : html`<pre class="text" tabindex="0">${JSON.stringify(data, null, 2)}</pre>`}
  </details>`;
}

export function Log({ desk, row }: { desk: Desk; row: Row }): VNode {
  const t = desk.words(rowWords);
  const { fullTime, duration } = desk.format.value;
  return html`<details><summary>${t('log')}: ${desk.format.value.number(row.log.length)}</summary>
    ${row.log.length === 0 && html`<p class="quiet">${t('empty')}</p>`}
    <ol>${row.log.map(
      (each, n) => html`<li key=${n}>${fullTime(each.at)} <code>${each.code}</code> ${each.reason} ${each.ms !== null && duration(each.ms)}
        <span class="quiet">${each.by}</span> ${each.message !== null && html`<bdi>${each.message}</bdi>`}
        ${each.evidence !== null && html`<pre class="text" tabindex="0">${JSON.stringify(each.evidence, null, 2)}</pre>`}</li>`,
    )}</ol></details>`;
}
export function Audit({ desk, row }: { desk: Desk; row: Row }): VNode {
  const t = desk.words(rowWords);
  return html`<details><summary>${t('audit')}: ${desk.format.value.number(row.audit.length)}</summary>
    ${row.audit.length === 0 && html`<p class="quiet">${t('empty')}</p>`}
    <ol>${row.audit.map(
      (each, n) =>
        html`<li key=${n}>${desk.format.value.fullTime(each.at)} <bdi>${personOf(each.who)}</bdi> <code>${each.did}</code> ${each.why !== null && html`<bdi>${each.why}</bdi>`}</li>`,
    )}</ol></details>`;
}

/** Text that a person typed, as JSON, or what is wrong with it, in words. */
export function jsonOf(desk: Desk, text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (thrown) {
    return { problem: desk.words(rowWords)('badJson', { why: (thrown as Error).message }) };
  }
}
