/** Notes of the staff about a chat, newest first, and a field for a new one. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { describeError, Loaded } from '../kit/pictures.ts';
import { errorOf, useResource } from '../kit/resource.ts';
import { notesWords } from '../words/notes.ts';
import { personOf } from './actor.ts';

type Page = OutputOf<typeof inbox.list_notes>;
const rows = 10;

export function Notes({ desk, chatId }: { desk: Desk; chatId: string }): VNode {
  const t = desk.words(notesWords);
  const { time, fullTime } = desk.format.value;
  /** Repeats of a note whose outcome is unknown have its key. */
  const written = useSignal({ text: '', key: '' });
  const read = (cursor: string | null, signal?: AbortSignal): Promise<Page> =>
    desk.api.call<typeof inbox.list_notes>(
      'GET /api/v1/chats/{chatId}/notes',
      { chatId, limit: rows, ...(cursor === null ? {} : { cursor }) },
      signal === undefined ? {} : { signal },
    );
  const notes = useResource((signal) => read(null, signal));
  async function add(fields: FormData): Promise<undefined> {
    const text = String(fields.get('note'));
    if (written.value.text !== text) written.value = { text, key: crypto.randomUUID() };
    await desk.api.call<typeof inbox.add_note>('POST /api/v1/chats/{chatId}/notes', { chatId, text }, { key: written.value.key });
    written.value = { text: '', key: '' };
    desk.announce(t('added'));
    await notes.read();
  }
  async function earlier(items: Page['items'], cursor: string): Promise<void> {
    try {
      const more = await read(cursor);
      notes.set({ items: [...items, ...more.items], nextCursor: more.nextCursor });
    } catch (thrown) {
      desk.notify({ kind: 'failed', text: describeError(desk, errorOf(thrown)) });
    }
  }
  return html`<section class="fields"><h2>${t('title')}</h2>
    <p class="quiet">${t('help')}</p>
    <${Loaded} desk=${desk} of=${notes}>${({ items, nextCursor }: Page) => html`
      ${
        items.length === 0
          ? html`<p class="quiet">${t('none')}</p>`
          : html`<ul class="cards notes">${items.map(
              ({ noteId, text, who, at }) => html`<li key=${noteId}><p class="text" dir="auto">${text}</p>
                <p class="quiet"><bdi>${personOf(who)}</bdi>, <time datetime=${at} title=${fullTime(at)}>${time(at)}</time></p></li>`,
            )}</ul>`
      }
      ${nextCursor !== null && html`<button type="button" onClick=${() => void earlier(items, nextCursor)}>${t('earlier')}</button>`}`}<//>
    <${Form} desk=${desk} submit=${t('add')} run=${add}>
      <label>${t('text')}<textarea name="note" required maxlength="4096"></textarea></label>
    <//>
  </section>`;
}
