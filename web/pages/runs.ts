/** Runs of pipelines, newest first; one run with its steps, which may be retried from a step or cancelled. */
import { effect, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { journal } from '../../contracts/journal.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { hrefOf } from '../kit/router.ts';
import {
  copyCommand,
  createActs,
  createOpened,
  createRows,
  Data,
  type Head,
  idOf,
  isEnded,
  jsonOf,
  MethodFilter,
  OpenRow,
  type Row,
  rowColumns,
  StateTag,
  type Step,
  states,
  whyItWaits,
} from '../parts/rows.ts';
import { SequenceOf } from '../parts/sequence.ts';
import { Waterfall } from '../parts/waterfall.ts';
import { rowWords } from '../words/rows.ts';
import { runsWords } from '../words/runs.ts';

const name = 'runs';
export const filters = { state: states, method: 'text', stuck: 'flag' } as const;

/** A step whose input is edited before the run continues from it. */
interface Editing {
  readonly runId: string;
  readonly step: Step;
  readonly original: string;
  readonly text: string;
  readonly problem: string | null;
}
const commandOf = ({ id }: Row): string => `polyb runs show ${id}`;
/** A step that ended its run is queued for a retry of the run. */
const stateOf = (run: Row, { state }: Step): Step['state'] => (isEnded(run) && state === 'queued' ? run.state : state);
const isRetriable = ({ state }: Row): boolean => ['failed', 'expired', 'cancelled'].includes(state);

export function page(desk: Desk): Page {
  const { state, method, stuck } = desk.router.route.peek().query;
  const { list, load } = createRows(
    desk,
    {
      view: stuck === undefined ? 'runs' : 'stuck',
      ...(state === undefined ? {} : { state: state as Head['state'] }),
      ...(method === undefined ? {} : { method }),
    },
    // No topic says which runs are stuck.
    stuck === undefined ? 'runs' : null,
  );
  const opened = createOpened(desk, name, 'runs');
  const { act, isOff } = createActs(desk, opened.read);
  const editing = signal<Editing | null>(null);
  const stopEditing = effect(() => {
    if (editing.value !== null && editing.value.runId !== opened.id.value) editing.value = null;
  });
  const may = (verb: 'retry' | 'cancel'): boolean => desk.may(`journal.${verb}`);

  const retry = (row: Row, from: { readonly from?: string; readonly input?: unknown } = {}) =>
    act(async () => {
      await desk.api.call<typeof journal.retry>('POST /api/v1/journal/{id}/retry', { id: row.id, ...from });
      editing.value = null;
      return desk.words(rowWords)('retried');
    });
  const cancel = (row: Row) =>
    act(async () => {
      await desk.api.call<typeof journal.cancel>('POST /api/v1/journal/{id}/cancel', { id: row.id });
      return desk.words(runsWords)('cancelled');
    });
  /** A masked input would be sent as it is masked: the whole one is read first. */
  async function edit(row: Row, step: Step): Promise<void> {
    try {
      const { input } = await desk.api.call<typeof journal.get>('GET /api/v1/journal/{id}', { id: step.id, reveal: true });
      const text = JSON.stringify(input, null, 2);
      editing.value = { runId: row.id, step, original: text, text, problem: null };
    } catch (thrown) {
      await act(() => Promise.reject(thrown));
    }
  }
  function submit(row: Row, current: Editing): void {
    const read = jsonOf(desk, current.text);
    if ('problem' in read) {
      editing.value = { ...current, problem: read.problem };
      return;
    }
    const from = current.step.step ?? '';
    if (JSON.stringify(read.value, null, 2) !== current.original) void retry(row, { from, input: read.value });
    else if (current.step.state !== 'done') void retry(row, { from });
    else editing.value = { ...current, problem: desk.words(runsWords)('unchanged') };
  }

  return {
    view: View,
    stop() {
      stopEditing();
      opened.stop();
      list.stop();
    },
  };

  function View(): VNode {
    const t = desk.words(runsWords);
    const columns = rowColumns(desk);
    const row = opened.row.value;
    useKeys(
      desk.keys,
      row === null
        ? []
        : [
            { name: 'close', code: 'Escape', label: desk.words(rowWords)('close'), run: opened.close },
            { name: 'copy', code: 'KeyC', label: desk.words(rowWords)('copy'), run: () => void copyCommand(desk, commandOf(row)) },
            ...(may('retry') && isRetriable(row)
              ? [{ name: 'retry', code: 'KeyR', label: t('retryRun'), run: () => void retry(row) }]
              : []),
            ...(may('cancel') && !isEnded(row)
              ? [{ name: 'cancelRun', code: 'KeyX', label: t('cancel'), run: () => void cancel(row) }]
              : []),
          ],
      [row, desk.settings.language.value],
    );
    return html`<h1>${t('title')}</h1>
      <${Filters} />
      <div class=${opened.id.value === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
          open=${(item: Head) => desk.router.go(hrefOf(name, item.id, desk.router.route.peek().query))}
          columns=${
            opened.id.value === null
              ? [columns.state, columns.method, columns.step, columns.why, columns.reason, columns.age, columns.attempts, columns.id]
              : [columns.state, columns.method, columns.step, columns.age]
          } />
        <${OpenRow} desk=${desk} opened=${opened} command=${commandOf} acts=${(run: Row) => html`<${Acts} row=${run} /><${Drawn} run=${run} /><${Steps} row=${run} />`} />
      </div>`;
  }

  function Filters(): VNode {
    const t = desk.words(runsWords);
    const r = desk.words(rowWords);
    return html`<div class="bar">
      <label>${r('state')} <select name="state" value=${state ?? ''} onChange=${(event: Event) =>
        desk.router.filter({ state: (event.target as HTMLSelectElement).value || null })}>
        <option value="">${r('any')}</option>
        ${states.map((each) => html`<option key=${each} value=${each}>${r(`state_${each}`)}</option>`)}
      </select></label>
      <${MethodFilter} desk=${desk} methods=${list.items.value.map((run) => run.method)} />
      <label><input type="checkbox" checked=${stuck !== undefined} onChange=${(event: Event) =>
        desk.router.filter({ stuck: (event.target as HTMLInputElement).checked ? '1' : null })} /> ${t('stuck')}</label>
      ${stuck !== undefined && html`<span class="quiet">${t('stuckHelp')}</span> <button type="button" onClick=${() => void list.refresh()}>↻ ${desk.words(rowWords)('refresh')}</button>`}
    </div>`;
  }

  /** The run along its time, and who asked whom. */
  function Drawn({ run }: { run: Row }): VNode {
    const steps = run.steps.map((step) => ({ ...step, state: stateOf(run, step) }));
    return html`<${Waterfall} desk=${desk} steps=${steps} /><${SequenceOf} key=${run.id} desk=${desk} run=${run} steps=${steps} />`;
  }

  function Acts({ row }: { row: Row }): VNode {
    const t = desk.words(runsWords);
    return html`<div class="bar">
        ${isRetriable(row) && html`<button type="button" class="primary" data-act="retry" disabled=${isOff.value || !may('retry')} onClick=${() => void retry(row)}>${t('retryRun')} <kbd>R</kbd></button>`}
        ${!isEnded(row) && html`<button type="button" data-act="cancel" disabled=${isOff.value || !may('cancel')} onClick=${() => void cancel(row)}>${t('cancel')} <kbd>X</kbd></button>`}
      </div>
      ${isRetriable(row) && html`<p class="quiet">${t('retryHelp')}</p>`}
      ${editing.value !== null && html`<${Editor} row=${row} current=${editing.value} />`}`;
  }

  function Editor({ row, current }: { row: Row; current: Editing }): VNode {
    const t = desk.words(runsWords);
    return html`<form class="draft" onSubmit=${(event: SubmitEvent) => {
      event.preventDefault();
      submit(row, current);
    }}>
      <h2>${t('retryFrom', { step: current.step.step ?? '' })}</h2>
      <p id="edit-help">${t('retryFromHelp')}</p>
      <label>${t('stepInput')} <textarea name="input" value=${current.text} aria-describedby="edit-help" spellcheck=${false}
        onInput=${(event: Event) => {
          editing.value = { ...current, text: (event.target as HTMLTextAreaElement).value, problem: null };
        }}></textarea></label>
      ${current.problem !== null && html`<p class="problem" role="alert">${current.problem}</p>`}
      <div class="bar"><button class="primary" disabled=${isOff.value}>${t('retryFrom', { step: current.step.step ?? '' })}</button>
        <button type="button" onClick=${() => {
          editing.value = null;
        }}>${t('dismiss')}</button></div>
    </form>`;
  }

  /** Each step in the order of the run, with its earlier executions beneath. */
  function Steps({ row }: { row: Row }): VNode {
    const t = desk.words(runsWords);
    if (row.steps.length === 0) return html`<p class="quiet">${t('noSteps')}</p>`;
    const steps = [...Map.groupBy(row.steps, ({ id, step }) => step ?? id).values()].map((all) =>
      all.toSorted((a, b) => b.edition - a.edition),
    );
    return html`<h3>${t('steps')}</h3>
      <ol class="tree">${steps.map(
        ([latest, ...earlier]) => html`<li key=${latest?.step}><${StepLine} row=${row} step=${latest} isLatest=${true} />
          ${
            earlier.length > 0 &&
            html`<details><summary>${t('earlier', { n: earlier.length })}</summary>
            <ol class="tree">${earlier.map((step) => html`<li key=${step.id}><${StepLine} row=${row} step=${step} isLatest=${false} /></li>`)}</ol></details>`
          }
        </li>`,
      )}</ol>`;
  }

  function StepLine({ row, step, isLatest }: { row: Row; step: Step; isLatest: boolean }): VNode {
    const t = desk.words(runsWords);
    const r = desk.words(rowWords);
    const state = stateOf(row, step);
    const waits = whyItWaits(desk, { ...step, state });
    return html`<details data-step=${step.step}>
      <summary><${StateTag} desk=${desk} row=${{ state }} /> <strong><bdi>${step.step}</bdi></strong> <bdi class="quiet">${step.method}</bdi>
        ${' '}<span class="quiet number">${tookOf(step)}</span>${waits !== '' && html` <span>${r('why')}: ${waits}</span>`}</summary>
      ${(step.error ?? step.reason) !== null && html`<p class="problem"><strong>${step.reason}</strong> <bdi>${step.error}</bdi></p>`}
      <p class="quiet">${r('id')}: <code>${step.id}</code> · ${r('attempts')}: ${desk.format.value.number(step.attempts)}</p>
      <${Data} desk=${desk} title=${r('input')} data=${step.input} isOpen=${true} />
      <${Data} desk=${desk} title=${r('output')} data=${step.output} />
      <div class="bar">
        ${(step.state === 'review' || step.state === 'unknown') && html`<a href=${hrefOf('reviews', step.id)}>${t('toReview')}</a>`}
        ${step.mode === 'run' && html`<a href=${hrefOf(name, step.id)}>${r('runOf')}</a>`}
        ${isLatest && step.mode === 'step' && may('retry') && (isRetriable(row) || row.state === 'done' || row.state === 'waiting') && html`<button type="button" data-act="edit" disabled=${isOff.value} onClick=${() => void edit(row, step)}>${t('editStep')}</button>`}
      </div>
    </details>`;
  }

  function tookOf({ startedAt, endedAt }: Step): string {
    if (startedAt === null) return '';
    const t = desk.words(runsWords);
    const { age, duration } = desk.format.value;
    if (endedAt === null) return t('takes', { time: age(startedAt, desk.now.value) });
    return t('took', { time: duration(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt))) });
  }
}
