/** Clients, most recently active first; the card of one, with one line of time over all channels. */
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import type { Client } from '../parts/history.ts';
import { TextFilter } from '../parts/text-filter.ts';
import { clientsWords } from '../words/clients.ts';

const name = 'clients';
/** Any other name or value in the address is shown as 400. */
export const filters = { q: 'text', channel: 'text' } as const;

export function page(desk: Desk): Page {
  const { query } = desk.router.route.peek();
  const chosen = {
    ...(query.q === undefined ? {} : { q: query.q }),
    ...(query.channel === undefined ? {} : { channel: query.channel }),
  } satisfies InputOf<typeof inbox.list_clients>;
  const idOf = ({ customerId }: Client): string => customerId;
  const load: ListOptions<Client>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof inbox.list_clients>(
      'GET /api/v1/clients',
      { ...chosen, limit, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
  const list = createList<Client>(
    {
      load,
      idOf,
      live: {
        topic: 'messages',
        rowOf: ({ sender }) => String((sender as { customerId?: string } | null)?.customerId),
        apply: (client, { sentAt }) => ({ ...client, messages: client.messages + 1, lastSeenAt: String(sentAt) }),
        accepts: ({ direction, sender }) =>
          Object.keys(query).length === 0 && direction === 'in' && (sender as { role?: string } | null)?.role === 'client',
      },
    },
    desk.live,
  );
  const backHref = (): string => hrefOf(name, null, desk.router.route.peek().query);

  return { view: View, stop: list.stop };

  function View(): VNode {
    const { id } = desk.router.route.value;
    return html`${id === null ? html`<${List} />` : html`<${One} key=${id} customerId=${id} />`}`;
  }

  function List(): VNode {
    const t = desk.words(clientsWords);
    const { phone, number, time, fullTime } = desk.format.value;
    return html`<h1>${t('title')}</h1>
      <div class="bar">
        <${TextFilter} desk=${desk} name="q" label=${t('search')} submit=${t('find')} />
        <${TextFilter} desk=${desk} name="channel" label=${t('channel')} submit=${t('find')} />
      </div>
      <${Grid} desk=${desk} name=${name} label=${t('title')} list=${list} idOf=${idOf} load=${load} empty=${t('empty')}
        open=${({ customerId }: Client) => desk.router.go(hrefOf(name, customerId, desk.router.route.peek().query))}
        columns=${[
          { name: 'name', title: t('name'), text: (client: Client) => client.name, cell: Name },
          { name: 'phone', title: t('phone'), text: ({ phoneNumber }: Client) => (phoneNumber === null ? '' : phone(phoneNumber)) },
          { name: 'channel', title: t('channel'), text: ({ channel }: Client) => channel },
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
  function Name({ customerId, name: full }: Client): VNode {
    return html`<a href=${hrefOf(name, customerId, desk.router.route.peek().query)} tabindex="-1">${full || desk.words(clientsWords)('noName')}</a>`;
  }

  /** The card is loaded when one is opened first. */
  function One({ customerId }: { customerId: string }): VNode {
    const card = useResource(() => import('../parts/client.ts'));
    return html`<${Loaded} desk=${desk} of=${card}>${({ ClientPage }: typeof import('../parts/client.ts')) => html`<${ClientPage} desk=${desk} customerId=${customerId} backHref=${backHref} erased=${() => void list.refresh()} />`}<//>`;
  }
}
