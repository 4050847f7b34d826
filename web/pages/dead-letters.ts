/** What is no longer retried by itself: groups by method and reason, the rows of one group, and replays of groups at a rate. */
import { effect, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { drawn } from '../kit/pictures.ts';
import { createResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { personOf } from '../parts/actor.ts';
import {
  type Acts,
  copyCommand,
  createActs,
  createOpened,
  createRows,
  type Head,
  idOf,
  OpenRow,
  type Row,
  rowColumns,
} from '../parts/rows.ts';
import { deadLettersWords } from '../words/dead-letters.ts';
import { rowWords } from '../words/rows.ts';

const name = 'dead-letters';
const topic = 'dead_letters';
export const filters = { method: 'text', reason: 'text' } as const;

type Group = OutputOf<typeof journal.list_dead_letter_groups>['groups'][number];
type Replay = OutputOf<typeof journal.list_replays>['replays'][number];
/** Changes come one by one; the counts are read once for many. */
const settleMs = 1_000;
const shownReplays = 10;

/** All groups, or the rows of the group that the address names. */
export function page(desk: Desk): Page {
  const { method, reason } = desk.router.route.peek().query;
  return method !== undefined && reason !== undefined ? groupPage(desk, method, reason) : groupsPage(desk, { method, reason });
}

function groupsPage(desk: Desk, only: { readonly method: string | undefined; readonly reason: string | undefined }): Page {
  const groupId = (group: Group): string => `${group.method} ${group.reason}`;
  /** Groups keep their places while their counts change; new ones come last. */
  const load: ListOptions<Group>['load'] = async ({ signal }) => {
    const { groups } = await desk.api.call<typeof journal.list_dead_letter_groups>('GET /api/v1/dead-letters', {}, { signal });
    const places = new Map(list.items.peek().map((group, place) => [groupId(group), place]));
    const placeOf = (group: Group): number => places.get(groupId(group)) ?? places.size;
    const items = groups
      .filter((group) => (only.method ?? group.method) === group.method && (only.reason ?? group.reason) === group.reason)
      .toSorted((a, b) => placeOf(a) - placeOf(b));
    return { items, nextCursor: null };
  };
  const list = createList<Group>({ load, idOf: groupId }, desk.live);
  const replays = createReplays(desk);
  const settle = settled(() => void list.refresh());
  const leave = desk.live.on(topic, settle.soon);
  const { act, isOff } = createActs(desk, () => void replays.read());
  return {
    stop() {
      leave();
      settle.stop();
      list.stop();
      replays.stop();
    },
    view: View,
  };

  function View(): VNode {
    const t = desk.words(deadLettersWords);
    const r = desk.words(rowWords);
    const { number, time, fullTime } = desk.format.value;
    const when = (of: 'oldestAt' | 'newestAt', title: string) => ({
      ...{ name: of, title, text: (group: Group) => (group[of] === null ? '' : fullTime(group[of])) },
      cell: (group: Group) => (group[of] === null ? '' : time(group[of])),
    });
    const count = (group: Group): string => (group.isMore ? t('countMore', { most: number(group.count) }) : number(group.count));
    return html`<h1>${t('title')}</h1>
      <p class="quiet">${t('intro')}</p>
      <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${groupId} load=${load} empty=${t('empty')}
        open=${(group: Group) => desk.router.go(hrefOf(name, null, { method: group.method, reason: group.reason }))}
        columns=${[
          {
            ...{ name: 'method', title: r('method'), text: (group: Group) => group.method },
            cell: (group: Group) => html`<a href=${hrefOf(name, null, { method: group.method, reason: group.reason })}>${group.method}</a>`,
          },
          { name: 'reason', title: r('reason'), text: (group: Group) => group.reason },
          { name: 'count', title: t('count'), text: count },
          when('oldestAt', t('oldest')),
          when('newestAt', t('newest')),
        ]} />
      <${Replays} desk=${desk} replays=${replays} act=${act} isOff=${isOff} />`;
  }
}

function groupPage(desk: Desk, method: string, reason: string): Page {
  const { list, load } = createRows(desk, { view: 'dead_letters', method, reason }, topic);
  const opened = createOpened(desk, name, topic);
  const replays = createReplays(desk);
  const { act, isOff } = createActs(desk, () => {
    opened.read();
    void replays.read();
  });
  const may = (verb: 'retry' | 'drop' | 'replay'): boolean => desk.may(`journal.${verb}`);
  const open = (id: string | null): void => desk.router.go(hrefOf(name, id, { method, reason }));
  const left = (id: string): void => {
    list.focus(id);
    list.remove(id);
    open(list.focusedId.peek());
  };
  const retry = (row: Row) =>
    act(async () => {
      await desk.api.call<typeof journal.retry>('POST /api/v1/journal/{id}/retry', { id: row.id });
      left(row.id);
      return desk.words(rowWords)('retried');
    });
  const drop = (row: Row) =>
    act(async () => {
      await desk.api.call<typeof journal.drop>('POST /api/v1/journal/{id}/drop', { id: row.id });
      left(row.id);
      return desk.words(deadLettersWords)('dropped');
    });
  const replay = (fields: FormData) =>
    act(async () => {
      const why = String(fields.get('why')).trim();
      await desk.api.call<typeof journal.replay>('POST /api/v1/dead-letters/replay', {
        ...{ method, reason, perSecond: Number(fields.get('perSecond')), most: Number(fields.get('most')) },
        ...(why === '' ? {} : { why }),
      });
      return desk.words(deadLettersWords)('begun');
    });
  const isDead = ({ state }: Row): boolean => state === 'failed' || state === 'expired';
  const commandOf = ({ id }: Row): string => `polyb dlq show ${id}`;
  return {
    stop() {
      opened.stop();
      list.stop();
      replays.stop();
    },
    view: View,
  };

  function View(): VNode {
    const t = desk.words(deadLettersWords);
    const r = desk.words(rowWords);
    const row = opened.row.value;
    const columns = rowColumns(desk);
    useKeys(
      desk.keys,
      row === null
        ? []
        : [
            { name: 'close', code: 'Escape', label: r('close'), run: opened.close },
            { name: 'copy', code: 'KeyC', label: r('copy'), run: () => void copyCommand(desk, commandOf(row)) },
            ...(may('retry') && isDead(row) ? [{ name: 'retry', code: 'KeyR', label: t('replayOne'), run: () => void retry(row) }] : []),
            ...(may('drop') && isDead(row) ? [{ name: 'drop', code: 'KeyX', label: t('drop'), run: () => void drop(row) }] : []),
          ],
      [row, desk.settings.language.value],
    );
    return html`<h1>${t('title')}</h1>
      <p><a href=${hrefOf(name)}>← ${t('toGroups')}</a> <strong><bdi>${t('group', { method, reason })}</bdi></strong></p>
      <${ReplayForm} />
      <div class=${opened.id.value === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${`${name}-rows`} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('emptyGroup')}
          open=${(item: Head) => open(item.id)} rowClass=${(item: Head) => (item.isGone === true ? 'decided' : '')}
          columns=${[columns.state, columns.id, columns.age, columns.attempts, { name: 'error', title: r('error'), text: (item: Head) => item.error ?? '' }]} />
        <${OpenRow} desk=${desk} opened=${opened} command=${commandOf} acts=${(each: Row) =>
          isDead(each) &&
          html`<div class="bar">
            <button type="button" class="primary" data-act="retry" disabled=${isOff.value || !may('retry')} onClick=${() => void retry(each)}>${t('replayOne')} <kbd>R</kbd></button>
            <button type="button" data-act="drop" disabled=${isOff.value || !may('drop')} onClick=${() => void drop(each)}>${t('drop')} <kbd>X</kbd></button>
          </div>`} />
      </div>
      <${Replays} desk=${desk} replays=${replays} act=${act} isOff=${isOff} />`;
  }

  function ReplayForm(): VNode {
    const t = desk.words(deadLettersWords);
    return html`<details class="replay"><summary>${t('replayGroup')}…</summary>
      <form onSubmit=${(event: SubmitEvent) => {
        event.preventDefault();
        void replay(new FormData(event.currentTarget as HTMLFormElement));
      }}>
        <p>${t('replayHelp')}</p>
        <div class="bar">
          <label>${t('perSecond')} <input name="perSecond" type="number" required min="0.01" max="50" step="0.01" defaultValue="1" /></label>
          <label>${t('most')} <input name="most" type="number" required min="1" max="100000" step="1" defaultValue="1000" /></label>
          <label>${t('why')} <input name="why" maxlength="190" /></label>
          <button class="primary" disabled=${isOff.value || !may('replay')}>${t('replayGroup')}</button>
        </div>
      </form></details>`;
  }
}

type Replaying = ReturnType<typeof createReplays>;
/** Replays have no topic: while one runs, they are read again. */
function createReplays(desk: Desk) {
  const resource = createResource(async (signal) => {
    const { replays } = await desk.api.call<typeof journal.list_replays>('GET /api/v1/replays', {}, { signal });
    return replays.filter((each, n) => each.state === 'running' || n < shownReplays);
  });
  const isRunning = signal(false);
  const stops = [
    effect(() => {
      const shown = resource.shown.value;
      isRunning.value = shown.kind === 'ready' && shown.value.some(({ state }) => state === 'running');
    }),
    effect(() => {
      void desk.now.value;
      if (isRunning.peek() && document.visibilityState === 'visible') void resource.read();
    }),
    desk.live.onGap(() => void resource.read()),
  ];
  void resource.read();
  return {
    shown: resource.shown,
    read: resource.read,
    stop() {
      for (const stop of stops) stop();
      resource.stop();
    },
  };
}

function Replays(props: { desk: Desk; replays: Replaying; act: Acts['act']; isOff: Acts['isOff'] }): VNode {
  const { desk, replays, act, isOff } = props;
  const t = desk.words(deadLettersWords);
  const { number, time } = desk.format.value;
  const cancel = ({ replayId }: Replay) =>
    act(async () => {
      await desk.api.call<typeof journal.cancel_replay>('POST /api/v1/replays/{replayId}/cancel', { replayId });
      return t('replayCancelled');
    });
  return html`<section aria-labelledby="replays"><h2 id="replays">${t('replays')}</h2>
    ${drawn(
      desk,
      replays.shown.value,
      () => void replays.read(),
      (all) =>
        all.length === 0
          ? html`<p class="quiet">${t('noReplays')}</p>`
          : html`<ul>${all.map(
              (each) => html`<li key=${each.replayId} data-replay=${each.replayId}>
                <span class=${`tag ${each.state === 'running' ? 'warn' : ''}`}>${t(`replay_${each.state}`)}</span>
                ${' '}<bdi>${t('group', { method: each.method, reason: each.reason })}</bdi>,
                ${' '}<span class="number">${t('progress', { retried: each.retried, skipped: each.skipped, most: each.most })}</span>,
                ${' '}${t('rate', { rate: number(each.perSecond) })},
                ${' '}${t('by', { who: personOf(each.who) })}, ${time(each.createdAt)}${each.why !== null && html`, <bdi>${each.why}</bdi>`}
                ${' '}${each.state === 'running' && html`<button type="button" disabled=${isOff.value || !desk.may('journal.cancel_replay')} onClick=${() => void cancel(each)}>${t('cancelReplay')}</button>`}
              </li>`,
            )}</ul>`,
    )}
  </section>`;
}

/** Calls once for all that comes within a moment. */
function settled(call: () => void): { readonly soon: () => void; readonly stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    soon() {
      timer ??= setTimeout(() => {
        timer = undefined;
        call();
      }, settleMs);
    },
    stop: () => clearTimeout(timer),
  };
}
