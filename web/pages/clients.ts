/** Clients, most recently active first; the card of one, with one line of time over all channels. */
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import type { Client } from '../parts/history.ts';

const name = 'clients';
/** Any other name or value in the address is shown as 400. */
export const filters = { q: 'text', channel: 'text' } as const;

export function page(desk: Desk): Page {
  const { query } = desk.router.route.peek();
  const chosen = {
    ...(query.q === undefined ? {} : { q: query.q }),
    ...(query.channel === undefined ? {} : { channel: query.channel.toLowerCase() }),
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

  // A merged client is no row of their own any more; the row of the other one counts both when it is read again.
  const leave = desk.live.on('merges', ({ customerId, into }) => {
    if (!list.items.peek().some((client) => idOf(client) === customerId)) return;
    list.remove(String(customerId));
    if (list.items.peek().some((client) => idOf(client) === into)) void list.refresh();
  });

  return {
    view: View,
    stop() {
      leave();
      list.stop();
    },
  };

  function View(): VNode {
    const { id } = desk.router.route.value;
    return id === null ? html`<${List} />` : html`<${One} key=${id} customerId=${id} />`;
  }
  /** The list and the card are loaded when each is shown first. */
  function List(): VNode {
    const shown = useResource(() => import('../parts/client-list.ts'));
    return html`<${Loaded} desk=${desk} of=${shown}>${({ ClientList }: typeof import('../parts/client-list.ts')) => html`<${ClientList} desk=${desk} list=${list} idOf=${idOf} load=${load} />`}<//>`;
  }
  function One({ customerId }: { customerId: string }): VNode {
    const shown = useResource(() => import('../parts/client.ts'));
    return html`<${Loaded} desk=${desk} of=${shown}>${({ ClientPage }: typeof import('../parts/client.ts')) => html`<${ClientPage} desk=${desk} customerId=${customerId} backHref=${backHref} erased=${() => void list.refresh()} />`}<//>`;
  }
}
