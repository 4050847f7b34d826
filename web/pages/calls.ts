/** Calls, those that need attention first; one call with its course, its talk, its row of the journal, and a call again. */
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import type { calls } from '../../contracts/calls.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Sure } from '../kit/sure.ts';
import { type Call, CallTag, callLength, callOutcomes, callPhone, callStates, callStatus } from '../parts/calls.ts';
import { RowOfKey } from '../parts/row-link.ts';
import { Talk } from '../parts/talk.ts';
import { TextFilter } from '../parts/text-filter.ts';
import { callsWords } from '../words/calls.ts';
import { rowWords } from '../words/rows.ts';

const name = 'calls';
export const filters = {
  state: callStates,
  outcome: callOutcomes,
  attention: 'flag',
  phone: 'text',
  lead: 'text',
  order: ['newest'],
} as const;

export function page(desk: Desk): Page {
  const { query } = desk.router.route.peek();
  const chosen = {
    order: query.order ?? 'attention',
    ...(query.state === undefined ? {} : { state: query.state }),
    ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
    ...(query.attention === undefined ? {} : { needsAttention: true }),
    ...(query.phone === undefined ? {} : { phoneNumber: query.phone }),
    ...(query.lead === undefined ? {} : { leadId: query.lead }),
  } as InputOf<typeof calls.list_calls>;
  const idOf = ({ callId }: Pick<Call, 'callId'>): string => callId;
  const load: ListOptions<Call>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof calls.list_calls>(
      'GET /api/v1/calls',
      { ...chosen, limit, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
  const list = createList<Call>(
    {
      load,
      idOf,
      live: {
        topic: 'calls',
        rowOf: ({ callId }) => String(callId),
        // A row stays where it is, with its new state, until the list is read again; one whose client was given to another manager leaves.
        apply: (call, change) => (change.state === 'gone' ? null : ({ ...call, ...change } as Call)),
        accepts: (change) => change.state !== 'gone' && isNew(change as unknown as Call),
      },
    },
    desk.live,
  );
  /** The stream also sends calls of pages that were not read: only one that is younger than all that are shown is new. */
  function isNew(call: Call): boolean {
    if (query.phone !== undefined || (query.state ?? call.state) !== call.state || (query.outcome ?? call.outcome) !== call.outcome)
      return false;
    if ((query.attention !== undefined && !call.needsAttention) || (query.lead ?? call.leadId) !== call.leadId) return false;
    const youngest = list.items.peek().reduce((latest, { createdAt }) => (createdAt > latest ? createdAt : latest), '');
    return !list.hasMore.peek() || call.createdAt > youngest;
  }
  const back = (): void => desk.router.go(hrefOf(name, null, desk.router.route.peek().query));

  return { view: View, stop: list.stop };

  function View(): VNode {
    const t = desk.words(callsWords);
    const { id } = desk.router.route.value;
    const { time, fullTime } = desk.format.value;
    const columns = [
      {
        name: 'outcome',
        title: t('outcome'),
        text: (call: Call) => callStatus(desk, call),
        cell: (call: Call) => html`<${CallTag} desk=${desk} call=${call} />`,
      },
      { name: 'phone', title: t('phone'), text: (call: Call) => callPhone(desk, call), cell: Phone },
      {
        name: 'started',
        title: t('started'),
        text: ({ createdAt }: Call) => fullTime(createdAt),
        cell: ({ createdAt }: Call) => html`<time datetime=${createdAt} title=${fullTime(createdAt)}>${time(createdAt)}</time>`,
      },
      { name: 'duration', title: t('duration'), text: (call: Call) => callLength(desk, call) },
      { name: 'lead', title: t('lead'), text: ({ leadId }: Call) => leadId ?? '' },
    ];
    return html`<h1>${t('title')}</h1>
      <${Filters} />
      <div class=${id === null ? 'list' : 'split even'}>
        <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
          open=${({ callId }: Call) => desk.router.go(hrefOf(name, callId, desk.router.route.peek().query))}
          columns=${id === null ? columns : columns.slice(0, 3)} />
        ${id !== null && html`<${One} key=${id} callId=${id} />`}
      </div>`;
  }
  function Phone(call: Call): VNode {
    return html`<a href=${hrefOf(name, call.callId, desk.router.route.peek().query)} tabindex="-1">${callPhone(desk, call)}</a>`;
  }

  function Filters(): VNode {
    const t = desk.words(callsWords);
    const choose = (filter: string) => (event: Event) =>
      desk.router.filter({ [filter]: (event.target as HTMLSelectElement).value || null });
    return html`<div class="bar">
      <label>${t('order')} <select name="order" value=${query.order ?? ''} onChange=${choose('order')}>
        <option value="">${t('order_attention')}</option><option value="newest">${t('order_newest')}</option>
      </select></label>
      <label>${t('state')} <select name="state" value=${query.state ?? ''} onChange=${choose('state')}>
        <option value="">${t('any')}</option>${callStates.map((each) => html`<option key=${each} value=${each}>${callStatus(desk, { state: each, outcome: null })}</option>`)}
      </select></label>
      <label>${t('outcome')} <select name="outcome" value=${query.outcome ?? ''} onChange=${choose('outcome')}>
        <option value="">${t('anyOutcome')}</option>${callOutcomes.map((each) => html`<option key=${each} value=${each}>${callStatus(desk, { state: 'ended', outcome: each })}</option>`)}
      </select></label>
      <label><input type="checkbox" checked=${query.attention === '1'} onChange=${(event: Event) =>
        desk.router.filter({ attention: (event.target as HTMLInputElement).checked ? '1' : null })} /> ${t('attention')}</label>
      <${TextFilter} desk=${desk} name="phone" label=${t('phone')} hint=${t('phoneHint')} submit=${t('find')} />
    </div>`;
  }

  function One({ callId }: { callId: string }): VNode {
    const t = desk.words(callsWords);
    const call = useResource((signal) => desk.api.call<typeof calls.get_call>('GET /api/v1/calls/{callId}', { callId }, { signal }));
    useEffect(() => {
      const leaves = [
        desk.live.on('calls', (change) => {
          if (change.callId === callId) void call.read();
        }),
        desk.live.onGap(() => void call.read()),
      ];
      return () => {
        for (const leave of leaves) leave();
      };
    }, []);
    const close = desk.words(rowWords)('close');
    useKeys(desk.keys, [{ name: 'close', code: 'Escape', label: close, run: back }], [desk.settings.language.value]);
    return html`<section class="detail" aria-label=${t('one')}>
      <div class="bar"><span class="grow"></span><button type="button" onClick=${back}>${close} <kbd>Esc</kbd></button></div>
      <${Loaded} desk=${desk} of=${call}>${(found: Call) => html`<${Details} call=${found} />`}<//>
    </section>`;
  }

  function Details({ call }: { call: Call }): VNode {
    const t = desk.words(callsWords);
    const { phone } = desk.format.value;
    return html`<h2><bdi>${callPhone(desk, call)}</bdi> <${CallTag} desk=${desk} call=${call} /></h2>
      ${call.needsAttention && html`<p class="bad">! ${t('needsAttention')}</p>`}
      <div class="bar">
        ${
          call.state === 'ended' &&
          call.leadId !== null &&
          call.phoneNumber !== null &&
          desk.may('calls.start_call') &&
          html`<${Sure} desk=${desk} label=${t('again')} warning=${t('againWarning', { phone: phone(call.phoneNumber) })} run=${() => callAgain(call)} />`
        }
        ${
          call.phoneNumber !== null &&
          html`<a href=${hrefOf('clients', null, { q: call.phoneNumber })}>${t('client')}</a>
            <a href=${hrefOf('leads', null, { phone: call.phoneNumber })}>${t('openLead')}</a>`
        }
      </div>
      <h3>${t('times')}</h3>
      <${Course} call=${call} />
      ${call.transferredTo !== null && html`<p>${t('transferredTo', { phone: phone(call.transferredTo) })}</p>`}
      ${call.answeredAt !== null && desk.may('calls.get_transcript') && html`<${Talk} key=${call.state} desk=${desk} call=${call} />`}
      ${call.key !== undefined && desk.may('journal.get') && html`<${RowOfKey} key=${call.state} desk=${desk} journalKey=${call.key} />`}`;
  }
  async function callAgain({ callId, leadId, phoneNumber }: Call): Promise<void> {
    if (leadId === null || phoneNumber === null) return;
    const t = desk.words(callsWords);
    const started = await desk.api.call<typeof calls.start_call>('POST /api/v1/calls', { leadId, phoneNumber }, { key: `again-${callId}` });
    desk.notify({ kind: 'done', text: t('againDone') });
    desk.announce(t('againDone'));
    await list.refresh();
    desk.router.go(hrefOf(name, started.callId, desk.router.route.peek().query));
  }

  /** Who ended a call and why, as far as it is known. */
  function ending({ endedBy, hangUpCause }: Call): string {
    const t = desk.words(callsWords);
    return [...(endedBy === null ? [] : [t(`endedBy_${endedBy}`)]), ...(hangUpCause === null ? [] : [t(`cause_${hangUpCause}`)])].join(
      ', ',
    );
  }
  /** What happened when, each with the time since what was before. */
  function Course({ call }: { call: Call }): VNode {
    const t = desk.words(callsWords);
    const { fullTime, duration } = desk.format.value;
    const known = (['createdAt', 'ringingAt', 'answeredAt', 'endedAt'] as const).flatMap((step) => {
      const at = call[step];
      return at === null ? [] : [{ step, at }];
    });
    return html`<ol class="tree">${known.map(({ step, at }, n) => {
      const before = known[n - 1]?.at;
      return html`<li key=${step}>${t(step)}: <time datetime=${at}>${fullTime(at)}</time>
        ${before !== undefined && html` <span class="quiet">${t('later', { time: duration(Date.parse(at) - Date.parse(before)) })}</span>`}
        ${step === 'endedAt' && html` <strong>${callStatus(desk, call)}</strong> <span class="quiet">${ending(call)}</span>`}</li>`;
    })}</ol>`;
  }
}
