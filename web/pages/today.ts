/** What waits now. Each number leads to the list that has exactly so many rows. */
import type { ComponentChildren, VNode } from 'preact';
import type { calls } from '../../contracts/calls.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { createResource, type Resource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { todayWords } from '../words/today.ts';

export const filters = {} as const;

type View = OutputOf<typeof journal.summary>['views'][number];
interface Health {
  readonly checks?: Readonly<Record<string, readonly { readonly status: 'pass' | 'warn' | 'fail'; readonly output?: string }[]>>;
}
interface Tile {
  readonly title: string;
  readonly count: number;
  readonly isMore?: boolean;
  readonly oldestAt?: string | null;
  readonly href: string;
}
/** Changes arrive one by one; the numbers are read once for all that arrive within this time. */
const gatherMs = 300;

export function page(desk: Desk): Page {
  const t = desk.words(todayWords);
  const isStaff = desk.session.peek()?.person.role !== 'operator';
  const seesSystem = ['admin', 'operator'].includes(desk.session.peek()?.person.role ?? '');
  const summary = createResource((signal) => desk.api.call<typeof journal.summary>('GET /api/v1/journal/summary', {}, { signal }));
  const chats = createResource((signal) => desk.api.call<typeof inbox.chat_totals>('GET /api/v1/chats/stats/total', {}, { signal }));
  const ringing = createResource((signal) => readCalls(desk, signal));
  // Its status is 503 while something fails, and its body says what.
  const health = createResource(async (signal) => (await (await fetch('/health', { signal })).json()) as Health);

  let gathering: ReturnType<typeof setTimeout> | undefined;
  const readAll = (): void => {
    const resources = [summary, health, ...(isStaff ? [chats, ringing] : [])];
    for (const resource of resources) void resource.read();
  };
  const readSoon = (): void => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      readAll();
    }, gatherMs);
  };
  const leaves = [
    ...['approvals', 'reviews', 'runs', 'dead_letters', 'messages', 'calls'].map((topic) => desk.live.on(topic, readSoon)),
    desk.live.onGap(readSoon),
  ];
  readAll();

  return {
    view: View,
    stop() {
      clearTimeout(gathering);
      for (const leave of leaves) leave();
      for (const resource of [summary, chats, ringing, health]) resource.stop();
    },
  };

  function View(): VNode {
    return html`<h1>${t('title')}</h1>
      ${
        isStaff &&
        html`<section aria-labelledby="sales"><h2 id="sales">${t('sales')}</h2><div class="tiles">
        <${Tiles} of=${summary} draw=${({ views }: OutputOf<typeof journal.summary>) => [tileOf('approvals', views, 'approvals')]} />
        <${Tiles} of=${chats} draw=${chatTiles} />
        <${Tiles} of=${ringing} draw=${(n: number) => [{ title: t('callsNow'), count: n, href: hrefOf('calls', null, { state: 'answered' }) }]} />
      </div></section>`
      }
      <section aria-labelledby="system"><h2 id="system">${t(seesSystem ? 'system' : 'services')}</h2>
        ${
          seesSystem &&
          html`<div class="tiles"><${Tiles} of=${summary} draw=${({ views }: OutputOf<typeof journal.summary>) => [
            tileOf('reviews', views, 'reviews'),
            tileOf('dead_letters', views, 'dead-letters'),
          ]} /></div>`
        }
        <${Loaded} desk=${desk} of=${health}>${drawHealth}<//>
      </section>`;
  }
  function tileOf(view: View['view'], views: readonly View[], pageName: string): Tile {
    const { count = 0, isMore = false, oldestAt = null } = views.find((each) => each.view === view) ?? {};
    const title = { approvals: t('approvals'), reviews: t('reviews'), dead_letters: t('deadLetters'), runs: t('stuck') }[
      view as 'approvals'
    ];
    return { title, count, isMore, oldestAt, href: hrefOf(pageName) };
  }
  function chatTiles(totals: OutputOf<typeof inbox.chat_totals>): readonly Tile[] {
    const tile = (title: string, count: number, query: Readonly<Record<string, string>>, oldestAt: string | null = null): Tile => ({
      ...{ title, count, oldestAt },
      href: hrefOf('chats', null, { waiting: '1', ...query }),
    });
    return [
      tile(t('chatsWaiting'), totals.waiting, {}, totals.oldestAt),
      tile(t('urgent'), totals.urgent, { urgent: '1' }),
      tile(t('forPerson'), totals.forPerson, { owner: 'human' }),
      tile(t('unassigned'), totals.unassigned, { assigned: 'nobody' }),
      ...(totals.mine === null ? [] : [tile(t('mine'), totals.mine, { assigned: 'mine' })]),
    ];
  }
  function Tiles<T>({ of, draw }: { of: Resource<T>; draw: (value: T) => readonly Tile[] }): VNode {
    return html`<${Loaded} desk=${desk} of=${of}>${(value: T): ComponentChildren => draw(value).map((tile) => html`<${Count} key=${tile.href} ...${tile} />`)}<//>`;
  }
  function Count({ title, count, isMore, oldestAt, href }: Tile): VNode {
    const n = desk.format.value.number(count);
    return html`<a class="tile" href=${href}><span class="number">${isMore ? t('moreThan', { n: count }) : n}</span> <span>${title}</span>
      ${oldestAt && html`<span class="quiet">${t('oldest', { age: desk.format.value.age(oldestAt, desk.now.value) })}</span>`}</a>`;
  }
  function drawHealth({ checks = {} }: Health): VNode {
    const unwell = Object.entries(checks).flatMap(([name, each]) =>
      each.filter(({ status }) => status !== 'pass').map((check) => ({ name, ...check })),
    );
    return html`${seesSystem && html`<h3>${t('services')}</h3>`}
      ${
        unwell.length === 0
          ? html`<p class="good">✓ ${t('allWell')}</p>`
          : html`<p class="bad">! ${t('notWell', { n: unwell.length })}</p>
            <ul>${unwell.map(({ name, status, output }) => html`<li key=${name}>${status === 'fail' ? '✕' : '⚠'} <bdi>${name}</bdi> <span lang="en" class="quiet">${output ?? ''}</span></li>`)}</ul>`
      }`;
  }
}

/** Calls that are answered now, at most a page of them. */
async function readCalls(desk: Desk, signal: AbortSignal): Promise<number> {
  const { items } = await desk.api.call<typeof calls.list_calls>('GET /api/v1/calls', { state: 'answered', limit: 200 }, { signal });
  return items.length;
}
