/** Chats in three panes: the list, the conversation, the customer. */
import { computed, effect, signal } from '@preact/signals';
import type { VNode } from 'preact';
import type { calls } from '../../contracts/calls.ts';
import type { consents } from '../../contracts/consents.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { intents as classified } from '../../contracts/intents.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';
import type { people } from '../../contracts/people.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Fresh, MoreFailed, useRowKeys } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import type { LiveItem } from '../kit/live.ts';
import { describeError, drawn, Loaded, Picture } from '../kit/pictures.ts';
import { createResource, errorOf, type Resource, useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Windowed } from '../kit/windowed.ts';
import { callStatus } from '../parts/calls.ts';
import { channelName } from '../parts/channel.ts';
import { Notes } from '../parts/notes.ts';
import { type Intent, intents, type Message, Thread } from '../parts/thread.ts';
import { chatsWords } from '../words/chats.ts';
import { threadWords } from '../words/thread.ts';

export const filters = {
  assigned: ['mine', 'nobody', 'others'],
  order: ['waiting'],
  owner: ['bot', 'human', 'off'],
  intent: intents,
  channel: 'text',
  urgent: 'flag',
  waiting: 'flag',
  q: 'text',
} as const;

type Chat = OutputOf<typeof inbox.list_chats>['items'][number];
type ListedDelivery = OutputOf<typeof inbox.list_deliveries>['items'][number];
type Delivery = NonNullable<Message['delivery']>;
interface Conversation {
  readonly chat: OutputOf<typeof inbox.chat_context>['chat'];
  /** Oldest first. */
  readonly messages: readonly Message[];
  readonly earlier: string | null;
}
const name = 'chats';
const mostUnits = 4_096;
const threadRows = 50;

export function page(desk: Desk): Page {
  const t = desk.words(chatsWords);
  const intentWord = desk.words(threadWords);
  const { query } = desk.router.route.peek();
  const me = desk.session.peek()?.person.personId ?? '';
  const chosen = {
    ...(query.assigned === undefined ? {} : { assigned: query.assigned }),
    ...(query.order === undefined ? {} : { order: query.order }),
    ...(query.owner === undefined ? {} : { owner: query.owner }),
    ...(query.intent === undefined ? {} : { intent: query.intent }),
    ...(query.channel === undefined ? {} : { channel: query.channel }),
    ...(query.q === undefined ? {} : { q: query.q }),
    ...(query.urgent === undefined ? {} : { isUrgent: true }),
    ...(query.waiting === undefined ? {} : { isWaiting: true }),
  } as InputOf<typeof inbox.list_chats>;

  const load: ListOptions<Chat>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof inbox.list_chats>(
      'GET /api/v1/chats',
      { ...chosen, limit, ...(cursor === undefined ? {} : { cursor }) },
      { signal },
    );
  const idOf = ({ chatId }: Chat): string => chatId;
  const list = createList<Chat>(
    {
      load,
      idOf,
      live: { topic: 'messages', rowOf: (message) => String(message.chatId), apply, accepts: () => Object.keys(query).length === 0 },
    },
    desk.live,
  );
  /** A row says at once that its chat has a new message; it moves when the list is read again. */
  function apply(chat: Chat, change: LiveItem): Chat {
    const message = change as unknown as Message;
    const isIn = message.direction === 'in';
    const { messageId, text, kind, direction, sentAt } = message;
    return {
      ...chat,
      lastMessage: { messageId, text: text.slice(0, 200), kind, direction, isStaff: message.sender?.isStaff ?? false, sentAt },
      lastMessageAt: sentAt,
      intent: message.intent ?? chat.intent,
      isUrgent: isIn ? chat.isUrgent || message.isUrgent : false,
      waitingSince: isIn ? (chat.waitingSince ?? sentAt) : null,
      unanswered: isIn ? chat.unanswered + 1 : 0,
    };
  }

  const chatId = computed(() => (desk.router.route.value.page === name ? desk.router.route.value.id : null));
  const conversation = signal<Resource<Conversation> | null>(null);
  /** Replies that are being written, by chat, each with the key under which it is sent once. */
  const replies = new Map<string, { readonly text: string; readonly key: string }>();
  const reply = signal('');
  const isBusy = signal(false);
  /** Of messages of the open chat, as the stream reported them since it was opened. */
  const deliveries = signal<ReadonlyMap<string, Delivery>>(new Map());
  const stops = [
    effect(() => {
      const id = chatId.value;
      list.focus(id ?? list.focusedId.peek());
      deliveries.value = new Map();
      reply.value = (id === null ? undefined : replies.get(id)?.text) ?? '';
      const resource = id === null ? null : createResource((signal) => readConversation(desk, id, signal));
      conversation.value = resource;
      void resource?.read();
      return () => resource?.stop();
    }),
    desk.live.on('messages', (message) => {
      if (message.chatId === chatId.peek()) void conversation.peek()?.read();
    }),
    desk.live.on('deliveries', (item) => {
      const { messageId, chatId: of, status, errorCode, at } = item as unknown as ListedDelivery;
      if (of === chatId.peek()) deliveries.value = new Map([...deliveries.value, [messageId, { status, errorCode, at }]]);
    }),
    desk.live.onGap(() => void conversation.peek()?.read()),
  ];

  const open = (chat: Chat): void => desk.router.go(hrefOf(name, chat.chatId, desk.router.route.peek().query));

  /** Runs one act on the open chat, then shows its new state. */
  async function act(run: (id: string) => Promise<void>): Promise<void> {
    const id = chatId.peek();
    if (id === null || isBusy.peek()) return;
    if (desk.live.isOld.peek()) return fail(t('decidingOff'));
    isBusy.value = true;
    try {
      await run(id);
    } catch (thrown) {
      const error = errorOf(thrown);
      fail(error.reason === 'stale' ? t('isStale') : describeError(desk, error));
    }
    isBusy.value = false;
    await conversation.peek()?.read();
  }
  function fail(text: string): void {
    desk.notify({ kind: 'failed', text });
    desk.announce(text, 'assertive');
  }
  const assign = (personId: string | null) =>
    act(async (id) => {
      await desk.api.call<typeof inbox.assign_chat>('POST /api/v1/chats/{chatId}/assign', { chatId: id, personId });
      list.replace(id, (chat) => ({ ...chat, assignedTo: personId }));
    });
  const setOwner = (owner: Chat['owner']) =>
    act(async (id) => {
      await desk.api.call<typeof inbox.set_chat_owner>('POST /api/v1/chats/{chatId}/owner', { chatId: id, owner });
      list.replace(id, (chat) => ({ ...chat, owner }));
    });
  const correct = (messageId: string, intent: Intent) =>
    act(async () => {
      await desk.api.call<typeof classified.correct>('POST /api/v1/messages/{messageId}/intent', { messageId, intent });
    });
  const write = (text: string): void => {
    const id = chatId.peek();
    reply.value = text;
    if (id !== null) replies.set(id, { text, key: crypto.randomUUID() });
  };
  const sendReply = (knows: string | null) =>
    act(async (id) => {
      const written = replies.get(id);
      if (written === undefined || written.text.trim() === '' || written.text.length > mostUnits) return;
      const { state } = await desk.api.call<typeof messages.send_message>(
        'POST /api/v1/send',
        { chatId: id, text: written.text, ...(knows === null ? {} : { knows }) },
        { key: written.key },
      );
      replies.delete(id);
      if (chatId.peek() === id) reply.value = '';
      desk.notify({ kind: 'done', text: t(state === 'pending' ? 'isPending' : 'isQueued') });
    });

  return {
    view: View,
    stop() {
      for (const stop of stops) stop();
      list.stop();
    },
  };

  function View(): VNode {
    const focused = list.focused.value;
    useRowKeys(desk, name, list, focused === null ? undefined : () => open(focused));
    useKeys(
      desk.keys,
      [{ name: 'claim', code: 'KeyC', label: t('takeCharge'), run: () => void assign(me) }],
      [desk.settings.language.value],
    );
    return html`<h1>${t('title')}</h1>
      <${Filters} />
      <div class="panes">
        <section class="list" aria-label=${t('list')}>
          ${drawn(
            desk,
            list.shown.value,
            () => void list.refresh(),
            (items) =>
              items.length === 0
                ? html`<${Picture} kind="empty" title=${t('empty')} />`
                : html`<${Windowed} name=${name} label=${t('list')} list=${list} idOf=${idOf} row=${summary} open=${open} />`,
          )}
          <${MoreFailed} desk=${desk} list=${list} />
        </section>
        <${Middle} />
      </div>`;
  }

  function Filters(): VNode {
    const choose = (filter: string) => (event: Event) =>
      desk.router.filter({ [filter]: (event.target as HTMLSelectElement).value || null });
    const toggle = (filter: string) => (event: Event) =>
      desk.router.filter({ [filter]: (event.target as HTMLInputElement).checked ? '1' : null });
    const search = (event: SubmitEvent): void => {
      event.preventDefault();
      const words = String(new FormData(event.currentTarget as HTMLFormElement).get('q')).trim();
      desk.router.filter({ q: words === '' ? null : words });
    };
    return html`<div class="bar">
      <${Fresh} desk=${desk} list=${list} name=${name} />
      <label>${t('assigned')} <select value=${query.assigned ?? ''} onChange=${choose('assigned')}>
        <option value="">${t('assigned_all')}</option>
        ${filters.assigned.map((each) => html`<option key=${each} value=${each}>${t(`assigned_${each}`)}</option>`)}
      </select></label>
      <label>${t('order')} <select value=${query.order ?? ''} onChange=${choose('order')}>
        <option value="">${t('order_activity')}</option><option value="waiting">${t('order_waiting')}</option>
      </select></label>
      <label>${t('owner')} <select value=${query.owner ?? ''} onChange=${choose('owner')}>
        <option value="">${t('any')}</option>
        ${filters.owner.map((each) => html`<option key=${each} value=${each}>${t(`owner_${each}`)}</option>`)}
      </select></label>
      <label><input type="checkbox" checked=${query.urgent === '1'} onChange=${toggle('urgent')} /> ${t('urgent')}</label>
      <label><input type="checkbox" checked=${query.waiting === '1'} onChange=${toggle('waiting')} /> ${t('waiting')}</label>
      <form role="search" class="bar" onSubmit=${search}>
        <label>${t('search')} <input name="q" type="search" defaultValue=${query.q ?? ''} maxlength="200" /></label>
        <button type="submit">${t('find')}</button>
      </form>
    </div>`;
  }

  function summary(chat: Chat): VNode {
    const { customer, title, channel, lastMessage, lastMessageAt, intent, isUrgent, waitingSince, unanswered, assignedTo } = chat;
    const format = desk.format.value;
    return html`<div class="summary">
      <div class="line"><bdi class="who">${customer?.name ?? title ?? t('group')}</bdi> <span class="quiet">${channelName(desk, channel)}</span><span class="grow"></span>
        <time datetime=${lastMessageAt} title=${format.fullTime(lastMessageAt)}>${format.time(lastMessageAt)}</time></div>
      <div class="line"><bdi class="cell">${lastMessage?.text || t('noText')}</bdi></div>
      <div class="line">
        ${isUrgent && html`<span class="tag bad">! ${t('urgent')}</span>`}
        ${intent !== null && html`<span class="tag">${intentWord(`intent_${intent}`)}</span>`}
        ${waitingSince !== null && html`<span class="tag warn">${t('waitsSince', { age: format.age(waitingSince, desk.now.value) })}, ${t('unanswered', { n: unanswered })}</span>`}
        <span class="quiet">${assignedTo === null ? t('nobody') : assignedTo === me ? t('you') : assignedTo}</span>
      </div>
    </div>`;
  }

  function Middle(): VNode {
    const resource = conversation.value;
    if (resource === null) return html`<section class="detail"><p class="quiet">${t('choose')}</p></section>`;
    return html`<${Loaded} desk=${desk} of=${resource}>${(shown: Conversation) => html`<${Chatting} shown=${shown} resource=${resource} /><${Card} key=${shown.chat.chatId} shown=${shown} />`}<//>`;
  }

  function Chatting({ shown, resource }: { shown: Conversation; resource: Resource<Conversation> }): VNode {
    const { chat } = shown;
    const isOff = isBusy.value || desk.live.isOld.value;
    const isTooLong = reply.value.length > mostUnits;
    const earlier = async (): Promise<void> => {
      if (shown.earlier === null) return;
      try {
        const more = await readMessages(desk, chat.chatId, shown.earlier);
        resource.set({ ...shown, messages: [...more.items.toReversed(), ...shown.messages], earlier: more.nextCursor });
      } catch (thrown) {
        fail(describeError(desk, errorOf(thrown)));
      }
    };
    const keyDown = (event: KeyboardEvent): void => {
      if (event.code !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void sendReply(chat.lastActId);
    };
    return html`<section class="detail" aria-label=${t('conversation')}>
      <div class="bar">
        <span>${t('assignedTo', { who: chat.assignedTo === null ? t('nobody') : chat.assignedTo === me ? t('you') : chat.assignedTo })}</span>
        ${
          chat.assignedTo === me
            ? html`<button type="button" disabled=${isOff} onClick=${() => void assign(null)}>${t('letGo')}</button>`
            : html`<button type="button" disabled=${isOff} onClick=${() => void assign(me)}>${t('takeCharge')} <kbd>C</kbd></button>`
        }
        <${GiveTo} chat=${chat} />
        <span class="grow"></span>
        <span>${t('owner')}: ${t(`owner_${chat.owner}`)}</span>
        ${
          chat.owner === 'human'
            ? html`<button type="button" disabled=${isOff} onClick=${() => void setOwner('bot')}>${t('giveBack')}</button>`
            : html`<button type="button" disabled=${isOff} onClick=${() => void setOwner('human')}>${t('takeOver')}</button>`
        }
        ${chat.owner !== 'off' && html`<button type="button" disabled=${isOff} onClick=${() => void setOwner('off')}>${t('silence')}</button>`}
      </div>
      ${!chat.isReachable && html`<p class="problem">${t('unreachable')}</p>`}
      ${shown.earlier !== null && html`<button type="button" onClick=${() => void earlier()}>${t('earlier')}</button>`}
      <${Thread} desk=${desk} messages=${shown.messages.map(delivered)} correct=${(id: string, intent: Intent) => void correct(id, intent)} />
      <div class="draft">
        <label><span>${t('reply')}</span>
          <textarea value=${reply.value} aria-describedby="reply-help" onInput=${(event: Event) => write((event.target as HTMLTextAreaElement).value)} onKeyDown=${keyDown}></textarea></label>
        <div class="bar"><button type="button" class="primary" disabled=${isOff || isTooLong || reply.value.trim() === ''} onClick=${() => void sendReply(chat.lastActId)}>${t('send')}</button>
          <span id="reply-help" class=${isTooLong ? 'problem' : 'quiet'}>${t('length', { n: reply.value.length, most: mostUnits })} · ${t('sendHelp')}</span></div>
      </div>
    </section>`;
  }

  /** A message with the later of the status that was read with it and the one that the stream reported. */
  function delivered(message: Message): Message {
    const delivery = deliveries.value.get(message.messageId);
    return delivery === undefined || delivery.at < (message.delivery?.at ?? '') ? message : { ...message, delivery };
  }
  function GiveTo({ chat }: { chat: Conversation['chat'] }): VNode | null {
    const staff = useResource((signal) => readStaff(desk, signal));
    if (!desk.may('people.list_people') || staff.shown.value.kind !== 'ready') return null;
    const others = staff.shown.value.value.filter(({ personId }) => personId !== chat.assignedTo);
    return html`<label>${t('giveTo')} <select value="" onChange=${(event: Event) => void assign((event.target as HTMLSelectElement).value || null)}>
      <option value="">…</option>${others.map(({ personId, name: full }) => html`<option key=${personId} value=${personId}>${full}</option>`)}
    </select></label>`;
  }

  function Card({ shown }: { shown: Conversation }): VNode {
    const { chatId: id } = shown.chat;
    const customerId =
      shown.messages.findLast(({ direction, sender }) => direction === 'in' && sender !== null)?.sender?.customerId ?? null;
    const client = useResource((signal) => readClient(desk, customerId, signal));
    const said = useResource((signal) =>
      desk.api.call<typeof consents.list_consents>('GET /api/v1/chats/{chatId}/consents', { chatId: id }, { signal }),
    );
    const consent = (isGiven: boolean) =>
      act(async () => {
        await desk.api.call<typeof consents.set_consent>('POST /api/v1/chats/{chatId}/consents', { chatId: id, isGiven });
        await said.read();
      });
    const format = desk.format.value;
    return html`<aside class="card" aria-label=${t('card')}><h2>${t('card')}</h2>
      <${Loaded} desk=${desk} of=${client}>${(found: Client | null) =>
        found !== null &&
        html`<dl><dt>${t('customerName')}</dt><dd><a href=${hrefOf('clients', found.client.customerId)}><bdi>${found.client.name || t('openCard')}</bdi></a></dd>
          <dt>${t('phone')}</dt><dd>${found.client.phoneNumber === null ? t('noPhone') : html`${format.phone(found.client.phoneNumber)} <span class="quiet">${t(found.client.isPhoneProved ? 'proved' : 'stated')}</span>`}</dd>
          <dt>${t('since')}</dt><dd>${format.time(found.client.firstSeenAt)}</dd>
          <dt>${t('messages')}</dt><dd class="number">${format.number(found.client.messages)}</dd></dl>
          <h2>${t('calls')}</h2>
          ${found.calls.length === 0 ? html`<p class="quiet">${t('noCalls')}</p>` : html`<ul>${found.calls.map((call) => html`<li key=${call.callId}><a href=${hrefOf('calls', call.callId)}>${format.time(call.createdAt)}</a>, ${callStatus(desk, call)}</li>`)}</ul>`}`}<//>
      <h2>${t('consents')}</h2>
      <${Loaded} desk=${desk} of=${said}>${({ items }: OutputOf<typeof consents.list_consents>) => html`
        <p>${items[0] === undefined ? t('consentUnknown') : `${t(items[0].isGiven ? 'consentYes' : 'consentNo')}, ${format.time(items[0].at)}`}</p>
        ${
          items[0]?.isGiven === false
            ? html`<button type="button" onClick=${() => void consent(true)}>${t('optIn')}</button>`
            : html`<button type="button" onClick=${() => void consent(false)}>${t('optOut')}</button>`
        }`}<//>
      <${Notes} desk=${desk} chatId=${id} />
    </aside>`;
  }
}

interface Client {
  readonly client: OutputOf<typeof inbox.get_client>;
  readonly calls: OutputOf<typeof calls.list_calls>['items'];
}
async function readClient(desk: Desk, customerId: string | null, signal: AbortSignal): Promise<Client | null> {
  if (customerId === null) return null;
  const client = await desk.api.call<typeof inbox.get_client>('GET /api/v1/clients/{customerId}', { customerId }, { signal });
  // A phone that is masked, or not E.164, has no calls to look up.
  if (!/^\+\d+$/.test(client.phoneNumber ?? '')) return { client, calls: [] };
  const { items } = await desk.api.call<typeof calls.list_calls>(
    'GET /api/v1/calls',
    { phoneNumber: client.phoneNumber ?? '', limit: 5 },
    { signal },
  );
  return { client, calls: items };
}
async function readStaff(desk: Desk, signal: AbortSignal): Promise<OutputOf<typeof people.list_people>['items']> {
  if (!desk.may('people.list_people')) return [];
  const { items } = await desk.api.call<typeof people.list_people>('GET /api/v1/people', { limit: 200 }, { signal });
  return items.filter(({ state, role }) => state === 'active' && role !== 'operator');
}
function readMessages(desk: Desk, chatId: string, cursor: string | undefined, signal?: AbortSignal) {
  return desk.api.call<typeof inbox.list_messages>(
    'GET /api/v1/messages',
    { chatId, limit: threadRows, ...(cursor === undefined ? {} : { cursor }) },
    signal === undefined ? {} : { signal },
  );
}
async function readConversation(desk: Desk, chatId: string, signal: AbortSignal): Promise<Conversation> {
  const [{ chat }, { items, nextCursor }] = await Promise.all([
    desk.api.call<typeof inbox.chat_context>('GET /api/v1/chats/{chatId}', { chatId, limit: 1 }, { signal }),
    readMessages(desk, chatId, undefined, signal),
  ]);
  return { chat, messages: items.toReversed(), earlier: nextCursor };
}
