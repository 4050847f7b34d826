/** What waits now. Each number leads to the list that has exactly so many rows. */
import type { ComponentChildren, VNode } from 'preact';
import type { CounterMap } from '../kit/counters.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { createResource, type Resource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { createGathering } from '../kit/wait.ts';
import { todayWords } from '../words/today.ts';

export const filters = {} as const;

interface Health {
  readonly checks?: Readonly<Record<string, readonly { readonly status: 'pass' | 'warn' | 'fail'; readonly output?: string }[]>>;
}
interface Tile {
  readonly title: string;
  /** Null while it cannot be counted. */
  readonly count: number | null;
  readonly isMore?: boolean;
  readonly oldestAt?: string | null;
  readonly href: string;
}

export function page(desk: Desk): Page {
  const t = desk.words(todayWords);
  const isStaff = desk.session.peek()?.person.role !== 'operator';
  const seesSystem = ['admin', 'operator'].includes(desk.session.peek()?.person.role ?? '');
  // Its status is 503 while something fails, and its body says what.
  const health = createResource(async (signal) => (await (await fetch('/health', { signal })).json()) as Health);

  const again = createGathering(() => void health.read());
  const leaves = [desk.live.on('services', again.soon), desk.live.onGap(again.soon)];
  void health.read();

  return {
    view: View,
    stop() {
      again.stop();
      for (const leave of leaves) leave();
      health.stop();
    },
  };

  function View(): VNode {
    return html`<h1>${t('title')}</h1>
      ${
        isStaff &&
        html`<section aria-labelledby="sales"><h2 id="sales">${t('sales')}</h2><div class="tiles">
        <${Tiles} of=${desk.counters} draw=${(counters: CounterMap) => tilesOf(counters, salesTiles())} />
      </div></section>`
      }
      <section aria-labelledby="system"><h2 id="system">${t(seesSystem ? 'system' : 'services')}</h2>
        ${
          seesSystem &&
          html`<div class="tiles"><${Tiles} of=${desk.counters} draw=${(counters: CounterMap) => tilesOf(counters, systemTiles())} /></div>`
        }
        <${Loaded} desk=${desk} of=${health}>${drawHealth}<//>
      </section>`;
  }
  /** The counters that the person has. */
  function tilesOf(counters: CounterMap, tiles: Readonly<Record<string, Pick<Tile, 'title' | 'href'>>>): readonly Tile[] {
    return Object.entries(tiles).flatMap(([id, tile]) => {
      const counter = counters.get(id);
      return counter === undefined ? [] : [{ ...tile, ...counter }];
    });
  }
  function salesTiles(): Readonly<Record<string, Pick<Tile, 'title' | 'href'>>> {
    const chats = (query: Readonly<Record<string, string>> = {}): string => hrefOf('chats', null, { waiting: '1', ...query });
    return {
      approvals: { title: t('approvals'), href: hrefOf('approvals') },
      chats_waiting: { title: t('chatsWaiting'), href: chats() },
      chats_urgent: { title: t('urgent'), href: chats({ urgent: '1' }) },
      chats_for_person: { title: t('forPerson'), href: chats({ owner: 'human' }) },
      chats_unassigned: { title: t('unassigned'), href: chats({ assigned: 'nobody' }) },
      chats_mine: { title: t('mine'), href: chats({ assigned: 'mine' }) },
      calls_now: { title: t('callsNow'), href: hrefOf('calls', null, { state: 'answered' }) },
      calls_attention: { title: t('callsMissed'), href: hrefOf('calls', null, { attention: '1' }) },
    };
  }
  function systemTiles(): Readonly<Record<string, Pick<Tile, 'title' | 'href'>>> {
    return {
      reviews: { title: t('reviews'), href: hrefOf('reviews') },
      stuck: { title: t('stuck'), href: hrefOf('runs', null, { stuck: '1' }) },
      dead_letters: { title: t('deadLetters'), href: hrefOf('dead-letters') },
      services_unwell: { title: t('servicesUnwell'), href: hrefOf('services', null, { state: 'unwell' }) },
      providers_unwell: { title: t('providersUnwell'), href: hrefOf('services', null, { view: 'providers', state: 'unwell' }) },
    };
  }
  function Tiles<T>({ of, draw }: { of: Pick<Resource<T>, 'shown' | 'read'>; draw: (value: T) => readonly Tile[] }): VNode {
    return html`<${Loaded} desk=${desk} of=${of}>${(value: T): ComponentChildren => draw(value).map((tile) => html`<${Count} key=${tile.href} ...${tile} />`)}<//>`;
  }
  function Count({ title, count, isMore, oldestAt, href }: Tile): VNode {
    const n = count === null ? t('uncounted') : isMore ? t('moreThan', { n: count }) : desk.format.value.number(count);
    return html`<a class="tile" href=${href}><span class="number">${n}</span> <span>${title}</span>
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
