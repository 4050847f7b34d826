/** Merging another client into this one: they are searched for, both cards are compared, and the merge is asked for twice. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { Desk } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { Sure } from '../kit/sure.ts';
import { clientsWords } from '../words/clients.ts';
import { channelName } from './channel.ts';
import type { Client } from './history.ts';

interface MergeProps {
  readonly desk: Desk;
  /** The client who remains. */
  readonly client: Client;
  readonly merged: () => void;
}
/** Those that a search offers; more words find the rest. */
const mostFound = 10;

export function ClientMerge({ desk, client, merged }: MergeProps): VNode {
  const t = desk.words(clientsWords);
  const found = useSignal<readonly Client[] | null>(null);
  const other = useSignal<Client | null>(null);
  async function search(fields: FormData): Promise<undefined> {
    const q = String(fields.get('q')).trim();
    if (q === '') return;
    const { items } = await desk.api.call<typeof inbox.list_clients>('GET /api/v1/clients', { q, limit: mostFound + 1 });
    other.value = null;
    found.value = items.filter(({ customerId }) => customerId !== client.customerId).slice(0, mostFound);
  }
  async function merge({ customerId }: Client): Promise<void> {
    await desk.api.call<typeof inbox.merge_clients>('POST /api/v1/clients/{customerId}/merge', { customerId, into: client.customerId });
    desk.notify({ kind: 'done', text: t('merged') });
    merged();
  }
  const nameOf = ({ name }: Client): string => name || t('noName');
  const chosen = other.value;
  return html`<details class="fields merge"><summary>${t('merge')}</summary>
    <${Form} desk=${desk} submit=${t('find')} run=${search}><label>${t('mergeSearch')}<input name="q" required maxlength="100" autocomplete="off" /></label><//>
    ${
      found.value !== null &&
      (found.value.length === 0
        ? html`<p class="quiet" role="status">${t('empty')}</p>`
        : html`<ul>${found.value.map(
            (each) =>
              html`<li key=${each.customerId}><button type="button" aria-pressed=${chosen?.customerId === each.customerId} onClick=${() => {
                other.value = each;
              }}><bdi>${nameOf(each)}</bdi></button> <span class="quiet">${channelName(desk, each.channel)}${each.phoneNumber !== null && `, ${desk.format.value.phone(each.phoneNumber)}`}</span></li>`,
          )}</ul>`)
    }
    ${
      chosen !== null &&
      html`<${Compared} desk=${desk} client=${client} other=${chosen} />
      <${Sure} key=${chosen.customerId} desk=${desk} label=${t('merge')} warning=${t('mergeWarning', { other: nameOf(chosen), name: nameOf(client) })} run=${() => merge(chosen)} />`
    }
  </details>`;
}

/** Both cards side by side. */
function Compared({ desk, client, other }: { desk: Desk; client: Client; other: Client }): VNode {
  const t = desk.words(clientsWords);
  const { phone, fullTime, number } = desk.format.value;
  const rows: readonly (readonly [title: string, of: (each: Client) => unknown])[] = [
    [t('name'), ({ name }) => html`<bdi>${name || t('noName')}</bdi>`],
    [
      t('phone'),
      ({ phoneNumber, isPhoneProved }) =>
        phoneNumber === null ? t('noPhone') : `${phone(phoneNumber)} (${t(isPhoneProved ? 'proved' : 'stated')})`,
    ],
    [t('channel'), ({ channel }) => channelName(desk, channel)],
    [t('username'), ({ username }) => html`<bdi>${username ?? ''}</bdi>`],
    [t('messages'), ({ messages }) => number(messages)],
    [t('firstSeen'), ({ firstSeenAt }) => fullTime(firstSeenAt)],
    [t('lastSeen'), ({ lastSeenAt }) => fullTime(lastSeenAt)],
  ];
  return html`<table class="plain"><thead><tr><td></td><th scope="col">${t('mergeRemains')}</th><th scope="col">${t('mergeOther')}</th></tr></thead>
    <tbody>${rows.map(([title, of]) => html`<tr key=${title}><th scope="row">${title}</th><td>${of(client)}</td><td>${of(other)}</td></tr>`)}</tbody></table>`;
}
