/** Clients as a table, with a search. */
import type { VNode } from 'preact';
import type { Desk } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import type { List, ListOptions } from '../kit/list.ts';
import { hrefOf } from '../kit/router.ts';
import { clientsWords } from '../words/clients.ts';
import { channelName } from './channel.ts';
import type { Client } from './history.ts';
import { TextFilter } from './text-filter.ts';

interface ClientListProps {
  readonly desk: Desk;
  readonly list: List<Client>;
  readonly idOf: (client: Client) => string;
  readonly load: ListOptions<Client>['load'];
}
const name = 'clients';

export function ClientList({ desk, list, idOf, load }: ClientListProps): VNode {
  const t = desk.words(clientsWords);
  const { phone, number, time, fullTime } = desk.format.value;
  const cardOf = ({ customerId }: Client): string => hrefOf(name, customerId, desk.router.route.peek().query);
  return html`<h1>${t('title')}</h1>
    <div class="bar">
      <${TextFilter} desk=${desk} name="q" label=${t('search')} submit=${t('find')} />
      <${TextFilter} desk=${desk} name="channel" label=${t('channel')} submit=${t('find')} />
    </div>
    <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
      open=${(client: Client) => desk.router.go(cardOf(client))}
      columns=${[
        {
          name: 'name',
          title: t('name'),
          text: (client: Client) => client.name,
          cell: (client: Client) => html`<a href=${cardOf(client)} tabindex="-1">${client.name || t('noName')}</a>`,
        },
        { name: 'phone', title: t('phone'), text: ({ phoneNumber }: Client) => (phoneNumber === null ? '' : phone(phoneNumber)) },
        { name: 'channel', title: t('channel'), text: ({ channel }: Client) => channelName(desk, channel) },
        { name: 'username', title: t('username'), text: ({ username }: Client) => username ?? '' },
        { name: 'messages', title: t('messages'), text: ({ messages }: Client) => number(messages) },
        {
          name: 'lastSeen',
          title: t('lastSeen'),
          text: ({ lastSeenAt }: Client) => fullTime(lastSeenAt),
          cell: ({ lastSeenAt }: Client) => html`<time datetime=${lastSeenAt} title=${fullTime(lastSeenAt)}>${time(lastSeenAt)}</time>`,
        },
      ]} />`;
}
