/** One client: the line of time, what one does with them, and what is known of them. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { inbox } from '../../contracts/inbox.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { clientsWords } from '../words/clients.ts';
import { kitWords } from '../words/kit.ts';
import { ClientActs } from './client-acts.ts';
import { ClientCard } from './client-card.ts';
import { type Client, History, useHistory } from './history.ts';

interface ClientProps {
  readonly desk: Desk;
  readonly customerId: string;
  readonly backHref: () => string;
  /** Called after the client was erased. */
  readonly erased: () => void;
}

export function ClientPage({ desk, customerId, backHref, erased }: ClientProps): VNode {
  const t = desk.words(kitWords);
  const client = useResource((signal) =>
    desk.api.call<typeof inbox.get_client>('GET /api/v1/clients/{customerId}', { customerId }, { signal }),
  );
  const back = (): void => desk.router.go(backHref());
  useKeys(desk.keys, [{ name: 'back', code: 'Escape', label: t('back'), run: back }], [desk.settings.language.value]);
  const leave = (): void => {
    back();
    erased();
  };
  return html`<p><a href=${backHref()}>← ${t('back')}</a></p>
    <${Loaded} desk=${desk} of=${client}>${(found: Client) => html`<${Found} desk=${desk} client=${found} reread=${() => void client.read()} erased=${leave} />`}<//>`;
}

function Found({ desk, client, reread, erased }: { desk: Desk; client: Client; reread: () => void; erased: () => void }): VNode {
  const history = useHistory(desk, client);
  /** What an act changed on the card is read again. */
  const changes = useSignal(0);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const changed = (): void => {
    changes.value += 1;
    void history.refresh();
  };
  const merged = (): void => {
    reread();
    changed();
  };
  const { customerId } = client;
  useEffect(
    () =>
      desk.live.on('merges', (merge) => {
        const isKnown = merge.into === customerId && client.mergedIds.includes(String(merge.customerId));
        if (!isKnown && (merge.into === customerId || merge.customerId === customerId)) merged();
      }),
    [customerId, client.mergedIds],
  );
  return html`<h1 tabindex="-1" ref=${heading}><bdi>${client.name || desk.words(clientsWords)('noName')}</bdi></h1>
    <div class="client">
      <${History} desk=${desk} history=${history} />
      <div class="card fields">
        <${ClientActs} key=${`acts ${changes.value}`} desk=${desk} client=${client} changed=${changed} merged=${merged} erased=${erased} />
        <${ClientCard} key=${changes.value} desk=${desk} client=${client} />
      </div>
    </div>`;
}
