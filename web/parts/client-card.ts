/** What is known of a client: who they are in each channel, their chats with consents, their leads. */
import type { VNode } from 'preact';
import type { consents } from '../../contracts/consents.ts';
import type { crm } from '../../contracts/crm.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Sure } from '../kit/sure.ts';
import { clientsWords } from '../words/clients.ts';
import { channelName } from './channel.ts';
import { type Client, phoneOf } from './history.ts';
import { type Lead, leadStatus, readLeads } from './leads.ts';

export type Chat = OutputOf<typeof inbox.list_chats>['items'][number];
/** A client with more chats is rare; the page of chats shows all. */
const mostChats = 20;
const mostOfCrm = 20;

export async function readChats(desk: Desk, customerId: string, signal: AbortSignal): Promise<readonly Chat[]> {
  const { items } = await desk.api.call<typeof inbox.list_chats>('GET /api/v1/chats', { customerId, limit: mostChats }, { signal });
  return items;
}

export function ClientCard({ desk, client }: { desk: Desk; client: Client }): VNode {
  const t = desk.words(clientsWords);
  const { phone, fullTime, number } = desk.format.value;
  const phoneNumber = phoneOf(client);
  return html`<section><h2>${t('card')}</h2>
      <dl>
        <dt>${t('phone')}</dt>
        <dd>${client.phoneNumber === null ? t('noPhone') : html`${phone(client.phoneNumber)} <span class="quiet">${t(client.isPhoneProved ? 'proved' : 'stated')}</span>`}</dd>
        <dt>${t('channel')}</dt><dd>${channelName(desk, client.channel)}${client.username !== null && html` <bdi class="quiet">${client.username}</bdi>`}</dd>
        <dt>${t('messages')}</dt><dd class="number">${number(client.messages)}</dd>
        <dt>${t('firstSeen')}</dt><dd>${fullTime(client.firstSeenAt)}</dd>
        <dt>${t('lastSeen')}</dt><dd>${fullTime(client.lastSeenAt)}</dd>
      </dl></section>
    ${phoneNumber !== null && html`<${Identities} desk=${desk} client=${client} phoneNumber=${phoneNumber} />`}
    <${Chats} desk=${desk} customerId=${client.customerId} />
    <section><h2>${t('leads')}</h2>
      ${phoneNumber === null ? html`<p class="quiet">${t('leadsNeedPhone')}</p>` : html`<${Leads} desk=${desk} phoneNumber=${phoneNumber} />`}
    </section>
    ${
      phoneNumber !== null &&
      html`${desk.may('crm.list_deals') && html`<${Deals} desk=${desk} phoneNumber=${phoneNumber} />`}
      ${desk.may('crm.list_tasks') && html`<${Tasks} desk=${desk} phoneNumber=${phoneNumber} />`}`
    }`;
}

/** Other authors with the same phone: the person in other channels, or somebody who stated it. */
function Identities({ desk, client, phoneNumber }: { desk: Desk; client: Client; phoneNumber: string }): VNode {
  const t = desk.words(clientsWords);
  const same = useResource((signal) =>
    desk.api.call<typeof inbox.list_clients>('GET /api/v1/clients', { phoneNumber, limit: mostChats }, { signal }),
  );
  return html`<${Loaded} desk=${desk} of=${same}>${({ items }: OutputOf<typeof inbox.list_clients>) => {
    const others = items.filter(({ customerId }) => customerId !== client.customerId);
    if (others.length === 0) return null;
    return html`<section><h2>${t('identities')}</h2><ul>${others.map(
      ({ customerId, name, channel, isPhoneProved }) =>
        html`<li key=${customerId}><a href=${hrefOf('clients', customerId)}><bdi>${name || t('noName')}</bdi></a> <span class="quiet">${channelName(desk, channel)}, ${t(isPhoneProved ? 'proved' : 'stated')}</span></li>`,
    )}</ul></section>`;
  }}<//>`;
}

function Chats({ desk, customerId }: { desk: Desk; customerId: string }): VNode {
  const t = desk.words(clientsWords);
  const chats = useResource((signal) => readChats(desk, customerId, signal));
  return html`<section><h2>${t('chats')}</h2><${Loaded} desk=${desk} of=${chats}>${(items: readonly Chat[]) =>
    items.length === 0
      ? html`<p class="quiet">${t('noChats')}</p>`
      : html`<ul class="cards">${items.map(
          ({ chatId, channel, kind, title, assignedTo }) => html`<li key=${chatId}>
            <p><a href=${hrefOf('chats', chatId)}><bdi>${title ?? channelName(desk, channel)}</bdi></a> <span class="quiet">${kind === 'private' ? channelName(desk, channel) : t('group')}, ${assignedTo === null ? t('nobody') : t('inCharge', { who: assignedTo })}</span></p>
            ${kind === 'private' && html`<${Consent} desk=${desk} chatId=${chatId} />`}</li>`,
        )}</ul>`}<//></section>`;
}

function Consent({ desk, chatId }: { desk: Desk; chatId: string }): VNode {
  const t = desk.words(clientsWords);
  const said = useResource((signal) =>
    desk.api.call<typeof consents.list_consents>('GET /api/v1/chats/{chatId}/consents', { chatId }, { signal }),
  );
  const record = async (isGiven: boolean): Promise<void> => {
    await desk.api.call<typeof consents.set_consent>('POST /api/v1/chats/{chatId}/consents', { chatId, isGiven });
    await said.read();
  };
  return html`<${Loaded} desk=${desk} of=${said}>${({ items: [latest] }: OutputOf<typeof consents.list_consents>) => {
    const isRefused = latest?.isGiven === false;
    return html`<p>${t('consent')}: <span class=${isRefused ? 'bad' : ''}>${latest === undefined ? t('consentUnknown') : `${t(isRefused ? 'consentNo' : 'consentYes')}, ${desk.format.value.time(latest.at)}`}</span></p>
      ${desk.may('consents.set_consent') && html`<${Sure} key=${isRefused} desk=${desk} label=${t(isRefused ? 'optIn' : 'optOut')} warning=${t(isRefused ? 'optInWarning' : 'optOutWarning')} run=${() => record(isRefused)} />`}`;
  }}<//>`;
}

function Leads({ desk, phoneNumber }: { desk: Desk; phoneNumber: string }): VNode {
  const t = desk.words(clientsWords);
  const leads = useResource((signal) => readLeads(desk, { phoneNumber, limit: 5 }, signal));
  return html`<${Loaded} desk=${desk} of=${leads}>${({ items }: { readonly items: readonly Lead[] }) =>
    items.length === 0
      ? html`<p class="quiet">${t('noLeads')}</p>`
      : html`<ul>${items.map(
          (lead) =>
            html`<li key=${lead.leadId}><a href=${hrefOf('leads', lead.leadId, { phone: phoneNumber })}>${lead.name || lead.leadId}</a> <span class="quiet">${leadStatus(desk, lead)}, ${desk.format.value.time(lead.createdAt)}</span></li>`,
        )}</ul>`}<//>`;
}

function Deals({ desk, phoneNumber }: { desk: Desk; phoneNumber: string }): VNode {
  const t = desk.words(clientsWords);
  const { time, money } = desk.format.value;
  const deals = useResource((signal) =>
    desk.api.call<typeof crm.list_deals>('GET /api/v1/crm/deals', { phoneNumber, limit: mostOfCrm }, { signal }),
  );
  return html`<section><h2>${t('deals')}</h2><${Loaded} desk=${desk} of=${deals}>${({ items, isMore }: OutputOf<typeof crm.list_deals>) =>
    items.length === 0
      ? html`<p class="quiet">${t('noDeals')}</p>`
      : html`<ul>${items.map(
          ({ dealId, title, amount, stage, isOpen, closeAt }) =>
            html`<li key=${dealId}><bdi>${title}</bdi> ${amount !== null && html`<span class="number">${money(amount)}</span>`} <span class="quiet">${[
              stage,
              isOpen === false ? t('closed') : null,
              closeAt === null ? null : t('closes', { at: time(closeAt) }),
            ]
              .filter(Boolean)
              .join(', ')}</span></li>`,
        )}</ul>${isMore && html`<p class="quiet">${t('moreInCrm')}</p>`}`}<//></section>`;
}

function Tasks({ desk, phoneNumber }: { desk: Desk; phoneNumber: string }): VNode {
  const t = desk.words(clientsWords);
  const { time } = desk.format.value;
  const tasks = useResource((signal) =>
    desk.api.call<typeof crm.list_tasks>('GET /api/v1/crm/tasks', { phoneNumber, limit: mostOfCrm }, { signal }),
  );
  const isLate = (dueAt: string): boolean => Date.parse(dueAt) < desk.now.value;
  return html`<section><h2>${t('tasks')}</h2><${Loaded} desk=${desk} of=${tasks}>${({ items, isMore }: OutputOf<typeof crm.list_tasks>) =>
    items.length === 0
      ? html`<p class="quiet">${t('noTasks')}</p>`
      : html`<ul>${items.map(
          ({ taskId, subject, dueAt, isDone, about }) =>
            html`<li key=${taskId}><bdi>${subject}</bdi> <span class="quiet">${t(`about_${about.kind}`)}</span> ${
              isDone === true
                ? html`<span class="quiet">${t('done')}</span>`
                : dueAt !== null &&
                  html`<span class=${isLate(dueAt) ? 'tag bad' : 'tag'}>${t(isLate(dueAt) ? 'late' : 'until', { at: time(dueAt) })}</span>`
            }</li>`,
        )}</ul>${isMore && html`<p class="quiet">${t('moreInCrm')}</p>`}`}<//></section>`;
}
