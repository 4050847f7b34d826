/** Everything that happened with a client on one line of time: conversations, notes, calls, leads. */
import type { VNode } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { calls } from '../../contracts/calls.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { createMerged, type Dated, type Merged, type Source } from '../kit/merged.ts';
import { describeError, Picture } from '../kit/pictures.ts';
import { hrefOf } from '../kit/router.ts';
import { createGathering } from '../kit/wait.ts';
import { clientsWords } from '../words/clients.ts';
import { kitWords } from '../words/kit.ts';
import { personOf } from './actor.ts';
import { type Call, CallTag, callLength, callPhone } from './calls.ts';
import { type Lead, leadStatus, readLeads } from './leads.ts';
import { Entry as MessageEntry } from './thread.ts';

export type Client = OutputOf<typeof inbox.get_client>;
type Said = OutputOf<typeof inbox.client_history>['items'][number];
type Happening = Dated & { readonly said?: Said; readonly call?: Call; readonly lead?: Lead };
type SourceName = 'chats' | 'calls' | 'leads';
const rows = 30;

/** A phone that is masked, or not E.164, cannot be looked up. */
export function phoneOf({ phoneNumber }: Pick<Client, 'phoneNumber'>): string | null {
  return /^\+\d+$/.test(phoneNumber ?? '') ? phoneNumber : null;
}

export function createHistory(desk: Desk, client: Client): Merged<Happening> {
  const { customerId } = client;
  const phoneNumber = phoneOf(client);
  const pageAt = (cursor: string | undefined) => ({ limit: rows, ...(cursor === undefined ? {} : { cursor }) });
  const sources: (Source<Happening> & { readonly name: SourceName })[] = [
    {
      name: 'chats',
      async load({ cursor, signal }) {
        const { items, nextCursor } = await desk.api.call<typeof inbox.client_history>(
          'GET /api/v1/clients/{customerId}/history',
          { customerId, ...pageAt(cursor) },
          { signal },
        );
        return { items: items.map((said) => ({ id: said.message?.messageId ?? said.note?.noteId ?? '', at: said.at, said })), nextCursor };
      },
    },
  ];
  if (phoneNumber !== null && desk.may('calls.list_calls'))
    sources.push({
      name: 'calls',
      async load({ cursor, signal }) {
        const page = { phoneNumber, ...pageAt(cursor) };
        const { items, nextCursor } = await desk.api.call<typeof calls.list_calls>('GET /api/v1/calls', page, { signal });
        return { items: items.map((call) => ({ id: call.callId, at: call.createdAt, call })), nextCursor };
      },
    });
  if (phoneNumber !== null && desk.may('crm.list_leads'))
    sources.push({
      name: 'leads',
      async load({ cursor, signal }) {
        const { items, nextCursor } = await readLeads(desk, { phoneNumber, cursor, limit: rows }, signal);
        return { items: items.map((lead) => ({ id: lead.leadId, at: lead.createdAt, lead })), nextCursor };
      },
    });
  return createMerged(sources);
}

export function History({ desk, history }: { desk: Desk; history: Merged<Happening> }): VNode {
  const t = desk.words(clientsWords);
  const items = history.items.value;
  const failures = history.failures.value;
  return html`<section class="detail" aria-labelledby="history"><h2 id="history">${t('history')}</h2>
    ${failures.map(
      ({
        name,
        error,
      }) => html`<p key=${name} class="problem" role="alert">✕ ${t('sourceFailed', { source: t(`source_${name as SourceName}`), why: describeError(desk, error) })}
        <button type="button" onClick=${() => void history.refresh()}>${t('retry')}</button></p>`,
    )}
    ${
      history.isLoading.value
        ? html`<${Picture} kind="loading" title=${desk.words(kitWords)('loading')} />`
        : items.length === 0
          ? failures.length === 0 && html`<${Picture} kind="empty" title=${t('historyEmpty')} />`
          : html`<ol class="thread" aria-label=${t('history')}>${items.map((item) => html`<${Line} key=${item.id} desk=${desk} item=${item} />`)}</ol>`
    }
    ${history.hasMore.value && html`<p><button type="button" onClick=${() => void history.more()}>${t('earlier')}</button></p>`}
  </section>`;
}

function Line({ desk, item: { at, said, call, lead } }: { desk: Desk; item: Happening }): VNode | null {
  const t = desk.words(clientsWords);
  const { time, fullTime } = desk.format.value;
  if (said !== undefined && said.message !== null) return html`<${MessageEntry} desk=${desk} message=${said.message} hasChannel=${true} />`;
  const head = (title: string) => html`<strong>${title}</strong> <time datetime=${at} title=${fullTime(at)}>${time(at)}</time>`;
  if (said !== undefined && said.note !== null)
    return html`<li class="message note"><header>${head(t('note'))} <bdi>${personOf(said.note.who)}</bdi></header><p class="text" dir="auto">${said.note.text}</p></li>`;
  if (call !== undefined)
    return html`<li class="message note"><header>${head(t('call'))} <${CallTag} desk=${desk} call=${call} /></header>
      <p><a href=${hrefOf('calls', call.callId, call.phoneNumber === null ? {} : { phone: call.phoneNumber })}>${callPhone(desk, call)}</a> ${callLength(desk, call)}</p></li>`;
  if (lead !== undefined)
    return html`<li class="message note"><header>${head(t('lead'))} <span class="tag">${leadStatus(desk, lead)}</span></header>
      <p><a href=${hrefOf('leads', lead.leadId, lead.phoneNumber === null ? {} : { phone: lead.phoneNumber })}>${lead.name || lead.leadId}</a></p>
      ${lead.comment !== null && lead.comment !== '' && html`<p class="text" dir="auto">${lead.comment}</p>`}</li>`;
  return null;
}

/** The history of a client while it is shown: read at once, and again when something is said or a call changes. */
export function useHistory(desk: Desk, client: Client): Merged<Happening> {
  const history = useMemo(() => createHistory(desk, client), [client.customerId, client.phoneNumber]);
  useEffect(() => {
    void history.refresh();
    const again = createGathering(() => void history.refresh());
    const leaves = [
      desk.live.on('messages', ({ chatId }) => {
        if (history.items.peek().some(({ said }) => said?.message?.chatId === chatId)) again.soon();
      }),
      desk.live.on('calls', ({ phoneNumber }) => {
        if (phoneNumber === phoneOf(client)) again.soon();
      }),
      desk.live.onGap((isFirst) => (isFirst ? undefined : again.soon())),
    ];
    return () => {
      history.stop();
      again.stop();
      for (const leave of leaves) leave();
    };
  }, [history]);
  return history;
}
