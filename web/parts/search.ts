/** One box for everything: clients by name or phone, chats by words, and rows by their id, which opens at once. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { inbox } from '../../contracts/inbox.ts';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { describeError, drawn } from '../kit/pictures.ts';
import { errorOf, outcomeOf, type Shown } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { searchWords } from '../words/search.ts';

type Client = OutputOf<typeof inbox.list_clients>['items'][number];
type Chat = OutputOf<typeof inbox.list_chats>['items'][number];
interface Found {
  readonly text: string;
  readonly clients: readonly Client[];
  readonly chats: readonly Chat[];
}
type Row = OutputOf<typeof journal.get>;
/** Of each kind; the rest is on its page. */
const most = 5;
/** An id, or the beginning of one; a phone is none. */
const idForm = /^[a-z]{2,10}_[0-9a-z][0-9a-z-]{3,60}$/i;

/** The page that shows a row. */
function hrefOfRow({ id, mode, runId, state }: Row): string {
  if (state === 'review') return hrefOf('reviews', id);
  if (state === 'proposed') return hrefOf('approvals', id);
  return mode === 'run' || runId === null ? hrefOf('runs', id) : hrefOf('runs', runId);
}

/** @param has Whether the navigation of the person has a page. */
export function Search({ desk, has }: { desk: Desk; has: (page: string) => boolean }): VNode {
  const t = desk.words(searchWords);
  const box = useRef<HTMLInputElement>(null);
  const found = useSignal<Shown<Found> | null>(null);
  const problem = useSignal('');
  const searching = useRef(new AbortController());
  const findsPeople = has('chats');
  const { page } = desk.router.route.value;
  const close = (): void => {
    searching.current.abort();
    found.value = null;
    problem.value = '';
  };
  useEffect(() => close, [page]);
  useKeys(
    desk.keys,
    [{ name: 'search', code: 'Slash', label: t('search'), run: () => box.current?.focus() }],
    [desk.settings.language.value],
  );
  const go = (href: string): void => {
    close();
    if (box.current !== null) box.current.value = '';
    desk.router.go(href);
  };

  async function search(): Promise<void> {
    close();
    const text = box.current?.value.trim() ?? '';
    if (text === '') return;
    searching.current = new AbortController();
    const { signal } = searching.current;
    if (text.startsWith('chat_') && has('chats')) return go(hrefOf('chats', text));
    if (idForm.test(text) || !findsPeople) return openRow(text, signal);
    found.value = { kind: 'loading' };
    const outcome = await outcomeOf(
      Promise.all([
        desk.api.call<typeof inbox.list_clients>('GET /api/v1/clients', { q: text.slice(0, 100), limit: most }, { signal }),
        desk.api.call<typeof inbox.list_chats>('GET /api/v1/chats', { q: text, limit: most }, { signal }),
      ]).then(([clients, chats]): Found => ({ text, clients: clients.items, chats: chats.items })),
    );
    if (outcome === null || signal.aborted) return;
    found.value = outcome;
    if (outcome.kind === 'ready' && outcome.value.clients.length + outcome.value.chats.length === 0) desk.announce(t('nothing'));
  }
  async function openRow(id: string, signal: AbortSignal): Promise<void> {
    try {
      go(hrefOfRow(await desk.api.call<typeof journal.get>('GET /api/v1/journal/{id}', { id }, { signal })));
    } catch (thrown) {
      if (signal.aborted) return;
      const error = errorOf(thrown);
      problem.value = error.status === 404 || error.status === 400 ? t('noRow') : describeError(desk, error);
    }
  }
  const isOpen = found.value !== null || problem.value !== '';
  return html`<div class="search" onKeyDown=${(event: KeyboardEvent) => {
    if (event.code !== 'Escape') return;
    close();
    box.current?.blur();
  }}>
    <form role="search" aria-label=${t('everywhere')} onSubmit=${(event: SubmitEvent) => {
      event.preventDefault();
      void search();
    }}>
      <input ref=${box} name="search" type="search" maxlength="200" autocomplete="off" spellcheck=${false}
        aria-label=${t('search')} placeholder=${t(findsPeople ? 'hint' : 'hintIds')} />
      <button type="submit">${t('find')} <kbd>/</kbd></button>
    </form>
    ${
      isOpen &&
      html`<section class="panel" aria-label=${t('results')}>
        <button type="button" onClick=${close}>${t('close')}</button>
        ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
        ${found.value !== null && drawn(desk, found.value, () => void search(), Results)}
      </section>`
    }
  </div>`;

  function Results({ text, clients, chats }: Found): VNode {
    const { phone, time } = desk.format.value;
    const link = (href: string, ...parts: readonly unknown[]) =>
      html`<a href=${href} onClick=${(event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go(href);
      }}>${parts}</a>`;
    if (clients.length + chats.length === 0) return html`<p>${t('nothing')}</p>`;
    const nameOf = ({ name, username, phoneNumber }: Client): string =>
      [name ?? username, phoneNumber === null ? null : phone(phoneNumber)].filter((part) => part !== null).join(', ');
    return html`${
      clients.length > 0 &&
      html`<h2>${t('clients')}</h2><ul>${clients.map(
        (client) =>
          html`<li key=${client.customerId}><bdi>${
            has('clients') ? link(hrefOf('clients', client.customerId), nameOf(client)) : nameOf(client)
          }</bdi></li>`,
      )}</ul>${has('clients') && clients.length === most && html`<p>${link(hrefOf('clients', null, { q: text }), t('allClients', { text }))}</p>`}`
    }
    ${
      chats.length > 0 &&
      html`<h2>${t('chats')}</h2><ul>${chats.map(
        ({ chatId, customer, lastMessage, lastMessageAt }) =>
          html`<li key=${chatId}>${link(
            hrefOf('chats', chatId),
            html`<bdi>${customer?.name ?? chatId}</bdi>`,
          )} <span class="quiet">${lastMessageAt !== null && time(lastMessageAt)} <bdi>${lastMessage?.text?.slice(0, 80) ?? ''}</bdi></span></li>`,
      )}</ul>${chats.length === most && html`<p>${link(hrefOf('chats', null, { q: text }), t('allChats', { text }))}</p>`}`
    }`;
  }
}
