/** Rows whose outcome is unknown: a person finds out and answers, knowing what each answer does. */
import { effect, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { journal } from '../../contracts/journal.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
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
  type Head,
  idOf,
  jsonOf,
  MethodFilter,
  OpenRow,
  type Row,
  rowColumns,
} from '../parts/rows.ts';
import { reviewsWords } from '../words/reviews.ts';
import { rowWords } from '../words/rows.ts';

const name = 'reviews';
export const filters = { method: 'text' } as const;

type Answer = InputOf<typeof journal.resolve>['answer'];
const answers = ['happened', 'try_again', 'give_up'] as const satisfies readonly Answer[];
const commandOf = ({ id }: Row): string => `polyb reviews show ${id}`;
const isOpen = ({ state }: Row): boolean => state === 'review' || state === 'unknown';

export function page(desk: Desk): Page {
  const { method } = desk.router.route.peek().query;
  const { list, load } = createRows(desk, { view: 'reviews', ...(method === undefined ? {} : { method }) }, 'reviews');
  const opened = createOpened(desk, name, 'reviews');
  const { act, isOff } = createActs(desk, opened.read);
  const answer = signal<Answer | null>(null);
  const output = signal('');
  const why = signal('');
  const problem = signal<string | null>(null);
  const stopReset = effect(() => {
    void opened.id.value;
    answer.value = null;
    output.value = '';
    why.value = '';
    problem.value = null;
  });
  const open = (id: string | null): void => desk.router.go(hrefOf(name, id, desk.router.route.peek().query));
  const mayResolve = (): boolean => desk.may('journal.resolve');

  function resolve(row: Row): void {
    const chosen = answer.peek();
    if (chosen === null) return;
    const read = chosen === 'happened' && output.peek().trim() !== '' ? jsonOf(desk, output.peek()) : null;
    if (read !== null && 'problem' in read) {
      problem.value = read.problem;
      return;
    }
    const t = desk.words(reviewsWords);
    void act(async () => {
      await desk.api.call<typeof journal.resolve>('POST /api/v1/journal/{id}/resolve', {
        ...{ id: row.id, answer: chosen, attempts: row.attempts },
        ...(read === null ? {} : { output: read.value as NonNullable<InputOf<typeof journal.resolve>['output']> }),
        ...(why.peek().trim() === '' ? {} : { why: why.peek().trim() }),
      });
      list.focus(row.id);
      list.remove(row.id);
      open(list.focusedId.peek());
      return t('resolved', { answer: t(`answer_${chosen}`) });
    });
  }

  return {
    view: View,
    stop() {
      stopReset();
      opened.stop();
      list.stop();
    },
  };

  function View(): VNode {
    const t = desk.words(reviewsWords);
    const r = desk.words(rowWords);
    const columns = rowColumns(desk);
    const row = opened.row.value;
    useKeys(
      desk.keys,
      row === null
        ? []
        : [
            { name: 'close', code: 'Escape', label: r('close'), run: opened.close },
            { name: 'copy', code: 'KeyC', label: r('copy'), run: () => void copyCommand(desk, commandOf(row)) },
            ...(mayResolve() && isOpen(row)
              ? [
                  ...answers.map((each, n) => ({
                    ...{ name: `answer${n + 1}`, code: `Digit${n + 1}`, label: t(`answer_${each}`) },
                    run: () => {
                      answer.value = each;
                    },
                  })),
                  { name: 'resolve', code: 'KeyA', label: t('resolve'), run: () => resolve(row) },
                ]
              : []),
          ],
      [row, desk.settings.language.value],
    );
    const behind = { name: 'behind', title: t('behind'), text: (each: Head) => desk.format.value.number(each.behind) };
    return html`<h1>${t('title')}</h1>
      <p class="quiet">${t('intro')}</p>
      <div class="bar"><${MethodFilter} desk=${desk} methods=${list.items.value.map((each) => each.method)} />
        ${!desk.may('journal.resolve') && html`<button type="button" onClick=${() => void list.refresh()}>↻ ${r('refresh')}</button>`}</div>
      <div class=${opened.id.value === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
          open=${(item: Head) => open(item.id)} rowClass=${(item: Head) => (item.isGone === true ? 'decided' : '')}
          columns=${
            opened.id.value === null
              ? [columns.state, columns.method, columns.reason, behind, columns.age, columns.attempts, columns.id]
              : [columns.state, columns.method, behind, columns.age]
          } />
        <${OpenRow} desk=${desk} opened=${opened} command=${commandOf} acts=${(each: Row) => html`<${Answers} row=${each} />`} />
      </div>`;
  }

  function Answers({ row }: { row: Row }): VNode {
    const t = desk.words(reviewsWords);
    if (!isOpen(row)) return html`<p role="status">✓ ${t('closed')}</p>`;
    const cannot = !mayResolve();
    return html`<form onSubmit=${(event: SubmitEvent) => {
      event.preventDefault();
      resolve(row);
    }}>
      ${row.behind > 0 && html`<p>${t('behindText', { n: row.behind })}</p>`}
      <fieldset disabled=${cannot}><legend>${t('question')}</legend>
        ${answers.map(
          (
            each,
            n,
          ) => html`<label key=${each}><input type="radio" name="answer" value=${each} checked=${answer.value === each} onChange=${() => {
            answer.value = each;
          }} /> <kbd>${n + 1}</kbd> <strong>${t(`answer_${each}`)}</strong>
            <span class="quiet effect">${t(`effect_${each}`)}</span></label>`,
        )}
        ${
          answer.value === 'happened' &&
          html`<label>${t('output')} <textarea name="output" value=${output.value} spellcheck=${false} onInput=${(event: Event) => {
            output.value = (event.target as HTMLTextAreaElement).value;
            problem.value = null;
          }}></textarea></label>`
        }
        <label>${t('why')} <input name="why" maxlength="190" value=${why.value} onInput=${(event: Event) => {
          why.value = (event.target as HTMLInputElement).value;
        }} /></label>
        ${problem.value !== null && html`<p class="problem" role="alert">${problem.value}</p>`}
        <button class="primary" disabled=${isOff.value || cannot || answer.value === null}>${t('resolve')} <kbd>A</kbd></button>
      </fieldset>
      ${cannot && html`<p class="quiet">${desk.words(rowWords)('mayNot')}</p>`}
    </form>`;
  }
}
