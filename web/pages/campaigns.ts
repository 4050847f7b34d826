/** Campaigns, newest first; one of them with its progress and the reasons for which members wait for a person. */
import type { VNode } from 'preact';
import type { campaigns } from '../../contracts/campaigns.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { hrefOf } from '../kit/router.ts';
import { campaignsWords } from '../words/campaigns.ts';
import { rowWords } from '../words/rows.ts';

type Campaign = OutputOf<typeof campaigns.list_campaigns>['items'][number];

const name = 'campaigns';
const counted = [
  'waiting',
  'dialling',
  'answered',
  'notAnswered',
  'refused',
  'notAllowed',
  'review',
] as const satisfies readonly (keyof Campaign['counts'])[];
export const filters = {} as const;

/** Members in review are done too: no call to them follows by itself. */
function progressOf({ counts }: Campaign): { readonly done: number; readonly total: number } {
  const total = counted.reduce((sum, state) => sum + counts[state], 0);
  return { done: total - counts.waiting - counts.dialling, total };
}

export function page(desk: Desk): Page {
  const idOf = ({ campaignId }: Campaign): string => campaignId;
  const load: ListOptions<Campaign>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof campaigns.list_campaigns>(
      'GET /api/v1/campaigns',
      { limit, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
  const list = createList<Campaign>({ load, idOf }, desk.live);
  const back = (): void => desk.router.go(hrefOf(name));
  return { view: View, stop: list.stop };

  function View(): VNode {
    const t = desk.words(campaignsWords);
    const { id } = desk.router.route.value;
    const { fullTime, time } = desk.format.value;
    const columns = [
      { name: 'name', title: t('name'), text: (of: Campaign) => of.name, cell: Name },
      { name: 'state', title: t('state'), text: (of: Campaign) => t(`state_${of.state}`) },
      { name: 'done', title: t('done'), text: (of: Campaign) => t('doneOf', progressOf(of)) },
      { name: 'review', title: t('count_review'), text: ({ counts }: Campaign) => String(counts.review) },
      {
        name: 'created',
        title: t('created'),
        text: ({ createdAt }: Campaign) => fullTime(createdAt),
        cell: ({ createdAt }: Campaign) => html`<time datetime=${createdAt} title=${fullTime(createdAt)}>${time(createdAt)}</time>`,
      },
    ];
    return html`<h1>${t('title')}</h1>
      <div class="bar">
        <button type="button" onClick=${() => void list.refresh()}>↻ ${t('refresh')}</button>
        <span class="quiet">${t('how')}</span>
      </div>
      <div class=${id === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('none')}
          open=${({ campaignId }: Campaign) => desk.router.go(hrefOf(name, campaignId))}
          columns=${id === null ? columns : columns.slice(0, 3)} />
        ${id !== null && html`<${One} key=${id} campaignId=${id} />`}
      </div>`;
  }
  function Name(of: Campaign): VNode {
    return html`<a href=${hrefOf(name, of.campaignId)} tabindex="-1"><bdi>${of.name}</bdi></a>`;
  }

  function One({ campaignId }: { campaignId: string }): VNode | null {
    const t = desk.words(campaignsWords);
    const close = desk.words(rowWords)('close');
    useKeys(desk.keys, [{ name: 'close', code: 'Escape', label: close, run: back }], [desk.settings.language.value]);
    const of = list.items.value.find((each) => each.campaignId === campaignId);
    if (of === undefined) return null;
    const { fullTime } = desk.format.value;
    const { done, total } = progressOf(of);
    return html`<section class="detail" aria-label=${t('one')}>
      <div class="bar"><span class="grow"></span><button type="button" onClick=${back}>${close} <kbd>Esc</kbd></button></div>
      <h2><bdi>${of.name}</bdi> <span class="tag">${t(`state_${of.state}`)}</span></h2>
      <p><progress aria-label=${t('done')} max=${Math.max(1, total)} value=${done}></progress> ${t('doneOf', { done, total })}</p>
      <dl class="facts">
        ${counted.map((state) => html`<div key=${state}><dt>${t(`count_${state}`)}</dt><dd>${of.counts[state]}</dd></div>`)}
        ${of.nextAt !== null && html`<div><dt>${t('next')}</dt><dd>${fullTime(of.nextAt)}</dd></div>`}
      </dl>
      ${
        of.holds.length > 0 &&
        html`<h3>${t('holds')}</h3><ul>${of.holds.map(
          ({ reason, members }) =>
            html`<li key=${reason}><code>${reason}</code>: ${members === 0 ? t('whole') : t('members', { members })}</li>`,
        )}</ul>`
      }
    </section>`;
  }
}
