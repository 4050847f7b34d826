/** Leads of the CRM, newest first; one of them with its calls and runs. */
import type { VNode } from 'preact';
import type { calls } from '../../contracts/calls.ts';
import type { crm } from '../../contracts/crm.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { Loaded, Picture } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { type Call, CallTag, callLength, callPhone } from '../parts/calls.ts';
import { type Lead, leadStatus, leadStatuses } from '../parts/leads.ts';
import { RowOfKey } from '../parts/row-link.ts';
import { TextFilter } from '../parts/text-filter.ts';
import { leadsWords } from '../words/leads.ts';
import { rowWords } from '../words/rows.ts';

const name = 'leads';
export const filters = { phone: 'text', q: 'text', status: leadStatuses } as const;

export function page(desk: Desk): Page {
  const { query } = desk.router.route.peek();
  const chosen = {
    ...(query.phone === undefined ? {} : { phoneNumber: query.phone }),
    ...(query.q === undefined ? {} : { q: query.q }),
    ...(query.status === undefined ? {} : { status: query.status }),
  } as InputOf<typeof crm.list_leads>;
  const idOf = ({ leadId }: Lead): string => leadId;
  const load: ListOptions<Lead>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof crm.list_leads>(
      'GET /api/v1/crm/leads',
      { ...chosen, limit, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
  const list = createList<Lead>({ load, idOf }, desk.live);
  const back = (): void => desk.router.go(hrefOf(name, null, desk.router.route.peek().query));

  return { view: View, stop: list.stop };

  function View(): VNode {
    const t = desk.words(leadsWords);
    const { id } = desk.router.route.value;
    const { time, fullTime, phone } = desk.format.value;
    const columns = [
      { name: 'name', title: t('name'), text: (lead: Lead) => lead.name, cell: Name },
      { name: 'phone', title: t('phone'), text: ({ phoneNumber }: Lead) => (phoneNumber === null ? '' : phone(phoneNumber)) },
      { name: 'status', title: t('status'), text: (lead: Lead) => leadStatus(desk, lead) },
      {
        name: 'created',
        title: t('created'),
        text: ({ createdAt }: Lead) => fullTime(createdAt),
        cell: ({ createdAt }: Lead) => html`<time datetime=${createdAt} title=${fullTime(createdAt)}>${time(createdAt)}</time>`,
      },
      { name: 'source', title: t('source'), text: ({ source }: Lead) => source ?? '' },
    ];
    return html`<h1>${t('title')}</h1>
      <div class="bar">
        <${TextFilter} desk=${desk} name="phone" label=${t('phone')} hint=${t('phoneHint')} submit=${t('find')} />
        <${TextFilter} desk=${desk} name="q" label=${t('name')} hint=${t('nameHint')} submit=${t('find')} />
        <label>${t('status')} <select name="status" value=${query.status ?? ''} onChange=${(event: Event) =>
          desk.router.filter({ status: (event.target as HTMLSelectElement).value || null })}>
          <option value="">${t('any')}</option>
          ${leadStatuses.map((each) => html`<option key=${each} value=${each}>${leadStatus(desk, { status: each, statusName: null })}</option>`)}
        </select></label>
        <button type="button" onClick=${() => void list.refresh()}>↻ ${t('refresh')}</button>
        <span class="quiet">${t('fromCrm')}</span>
      </div>
      <div class=${id === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
          open=${({ leadId }: Lead) => desk.router.go(hrefOf(name, leadId, desk.router.route.peek().query))}
          columns=${id === null ? columns : columns.slice(0, 3)} />
        ${id !== null && html`<${One} key=${id} leadId=${id} />`}
      </div>`;
  }
  function Name(lead: Lead): VNode {
    return html`<a href=${hrefOf(name, lead.leadId, desk.router.route.peek().query)} tabindex="-1">${lead.name || lead.leadId}</a>`;
  }

  function One({ leadId }: { leadId: string }): VNode {
    const t = desk.words(leadsWords);
    const close = desk.words(rowWords)('close');
    useKeys(desk.keys, [{ name: 'close', code: 'Escape', label: close, run: back }], [desk.settings.language.value]);
    const lead = list.items.value.find((each) => each.leadId === leadId);
    const isRead = list.shown.value.kind === 'ready';
    return html`<section class="detail" aria-label=${t('one')}>
      <div class="bar"><span class="grow"></span><button type="button" onClick=${back}>${close} <kbd>Esc</kbd></button></div>
      ${lead === undefined ? isRead && html`<${Picture} kind="empty" title=${t('notFound')} />` : html`<${Facts} lead=${lead} />`}
      <${Calls} leadId=${leadId} />
    </section>`;
  }
  function Facts({ lead }: { lead: Lead }): VNode {
    const t = desk.words(leadsWords);
    const { fullTime, phone } = desk.format.value;
    return html`<h2><bdi>${lead.name || lead.leadId}</bdi> <span class="tag">${leadStatus(desk, lead)}</span></h2>
      <dl class="facts">
        <div><dt>${t('phone')}</dt><dd>${lead.phoneNumber === null ? '—' : phone(lead.phoneNumber)}</dd></div>
        <div><dt>${t('created')}</dt><dd>${fullTime(lead.createdAt)}</dd></div>
        <div><dt>${t('source')}</dt><dd><bdi>${lead.source ?? '—'}</bdi></dd></div>
        <div><dt>${t('id')}</dt><dd><code>${lead.leadId}</code></dd></div>
      </dl>
      ${lead.comment !== null && lead.comment !== '' && html`<h3>${t('comment')}</h3><p class="text" dir="auto">${lead.comment}</p>`}
      ${lead.phoneNumber !== null && html`<p><a href=${hrefOf('clients', null, { q: lead.phoneNumber })}>${t('client')}</a></p>`}`;
  }

  /** Calls about the lead, and what the journal has of the latest. */
  function Calls({ leadId }: { leadId: string }): VNode {
    const t = desk.words(leadsWords);
    const { time } = desk.format.value;
    const found = useResource((signal) => desk.api.call<typeof calls.list_calls>('GET /api/v1/calls', { leadId, limit: 50 }, { signal }));
    return html`<${Loaded} desk=${desk} of=${found}>${({ items }: OutputOf<typeof calls.list_calls>) => {
      const key = items[0]?.key;
      return html`<h3>${t('calls')}</h3>
        ${
          items.length === 0
            ? html`<p class="quiet">${t('noCalls')}</p>`
            : html`<ul class="cards">${items.map(
                (call: Call) => html`<li key=${call.callId}><${CallTag} desk=${desk} call=${call} />${' '}
                  <a href=${hrefOf('calls', call.callId, { lead: leadId })}>${time(call.createdAt)}, ${callPhone(desk, call)}</a> ${callLength(desk, call)}</li>`,
              )}</ul>`
        }
        ${key !== undefined && desk.may('journal.get') && html`<${RowOfKey} desk=${desk} journalKey=${key} />`}`;
    }}<//>`;
  }
}
