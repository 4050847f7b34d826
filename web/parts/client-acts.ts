/** What the staff does with a client: call, write, note, task, erase. */
import type { VNode } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { crm } from '../../contracts/crm.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { messages } from '../../contracts/messages.ts';
import type { pipelines } from '../../contracts/pipelines.ts';
import type { Desk } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { Sure } from '../kit/sure.ts';
import { clientsWords } from '../words/clients.ts';
import { channelName } from './channel.ts';
import { type Chat, readChats } from './client-card.ts';
import { ClientMerge } from './client-merge.ts';
import { type Client, phoneOf } from './history.ts';

interface ActsProps {
  readonly desk: Desk;
  readonly client: Client;
  /** Called after an act, so that what it changed is read again. */
  readonly changed: () => void;
  readonly merged: () => void;
  readonly erased: () => void;
}
const mostUnits = 4_096;

export function ClientActs({ desk, client, changed, merged, erased }: ActsProps): VNode {
  const t = desk.words(clientsWords);
  const phoneNumber = phoneOf(client);
  const firstName = (client.name || client.username || client.channel).trim().slice(0, 100);
  const keyOf = useKeysOfActs();
  const chats = useResource((signal) => readChats(desk, client.customerId, signal));
  const done = (text: string): void => {
    desk.notify({ kind: 'done', text });
    desk.announce(text);
    changed();
  };

  async function call(phone: string): Promise<void> {
    const { runId } = await keyOf('call', (key) =>
      desk.api.call<typeof pipelines.lead_to_call>(
        'POST /api/v1/pipelines/lead_to_call',
        { firstName, phoneNumber: phone, source: 'messenger' },
        { key },
      ),
    );
    done(t('callStarted', { run: runId }));
  }
  async function write(fields: FormData, of: readonly Chat[]): Promise<undefined> {
    const chat = of.find(({ chatId }) => chatId === fields.get('chat'));
    const text = String(fields.get('text'));
    if (chat === undefined) return;
    const { chatId, lastActId } = chat;
    const { state } = await keyOf(`write ${chatId} ${text}`, (key) =>
      desk.api.call<typeof messages.send_message>(
        'POST /api/v1/send',
        { chatId, text, ...(lastActId === null ? {} : { knows: lastActId }) },
        { key },
      ),
    );
    done(t(state === 'pending' ? 'isPending' : 'isQueued'));
  }
  async function note(fields: FormData): Promise<undefined> {
    const [chatId, text] = [String(fields.get('chat')), String(fields.get('text'))];
    await keyOf(`note ${chatId} ${text}`, (key) =>
      desk.api.call<typeof inbox.add_note>('POST /api/v1/chats/{chatId}/notes', { chatId, text }, { key }),
    );
    done(t('noteAdded'));
  }
  async function task(fields: FormData, phone: string): Promise<undefined> {
    const subject = String(fields.get('subject')).trim();
    const due = String(fields.get('due'));
    await keyOf(`task ${subject} ${due}`, async (key) => {
      const { contactId } = await desk.api.call<typeof crm.create_contact>(
        'POST /api/v1/crm/create_contact',
        { firstName, phoneNumber: phone },
        { key },
      );
      await desk.api.call<typeof crm.create_task>(
        'POST /api/v1/crm/create_task',
        { about: { kind: 'contact', id: contactId }, subject, ...(due === '' ? {} : { dueAt: new Date(due).toISOString() }) },
        { key },
      );
    });
    done(t('taskCreated'));
  }

  return html`<section><h2>${t('acts')}</h2>
    ${phoneNumber === null && html`<p class="quiet">${t('needsPhone')}</p>`}
    ${
      phoneNumber !== null &&
      desk.may('pipelines.lead_to_call') &&
      html`<${Sure} desk=${desk} label=${t('callNow')} warning=${t('callWarning', { phone: desk.format.value.phone(phoneNumber) })} run=${() => call(phoneNumber)} />`
    }
    <${Loaded} desk=${desk} of=${chats}>${(all: readonly Chat[]) => {
      const reachable = all.filter(({ kind, isReachable }) => kind === 'private' && isReachable);
      return html`${
        reachable.length === 0
          ? html`<p class="quiet">${t('noReachable')}</p>`
          : html`<details class="fields"><summary>${t('write')}</summary>
            <${Form} desk=${desk} submit=${t('send')} run=${(fields: FormData) => write(fields, reachable)}>
              <${ChatChoice} desk=${desk} chats=${reachable} title=${t('chat')} />
              <label>${t('text')}<textarea name="text" required maxlength=${mostUnits}></textarea></label>
            <//></details>`
      }
      ${
        all.length > 0 &&
        html`<details class="fields"><summary>${t('addNote')}</summary>
          <${Form} desk=${desk} submit=${t('addNote')} run=${note}>
            <${ChatChoice} desk=${desk} chats=${all} title=${t('chat')} />
            <label>${t('text')}<textarea name="text" required maxlength=${mostUnits}></textarea></label>
          <//></details>`
      }`;
    }}<//>
    ${
      phoneNumber !== null &&
      desk.may('crm.create_task') &&
      html`<details class="fields"><summary>${t('task')}</summary>
        <${Form} desk=${desk} submit=${t('task')} run=${(fields: FormData) => task(fields, phoneNumber)}>
          <label>${t('subject')}<input name="subject" required maxlength="200" autocomplete="off" /></label>
          <label>${t('due')}<input name="due" type="datetime-local" /></label>
        <//></details>`
    }
    ${desk.may('inbox.merge_clients') && html`<${ClientMerge} desk=${desk} client=${client} merged=${merged} />`}
    ${
      desk.may('inbox.erase_person') &&
      html`<${Sure} desk=${desk} label=${t('erase')} warning=${t('eraseWarning')} run=${async () => {
        await desk.api.call<typeof inbox.erase_person>('POST /api/v1/inbox/erase_person', { customerId: client.customerId });
        desk.notify({ kind: 'done', text: t('erased') });
        erased();
      }} />`
    }
  </section>`;
}

function ChatChoice({ desk, chats, title }: { desk: Desk; chats: readonly Chat[]; title: string }): VNode {
  return html`<label>${title}<select name="chat">${chats.map(
    ({ chatId, channel, title: of }) =>
      html`<option key=${chatId} value=${chatId}>${of === null ? channelName(desk, channel) : `${channelName(desk, channel)}: ${of}`}</option>`,
  )}</select></label>`;
}

type RunOnce = <T>(act: string, run: (key: string) => Promise<T>) => Promise<T>;
/** Repeats of an act whose outcome is unknown have its key, so that it takes effect once; after it was done, the next one is new. */
function useKeysOfActs(): RunOnce {
  const keys = useRef(new Map<string, string>());
  return useMemo(
    () => async (act, run) => {
      const key = keys.current.get(act) ?? crypto.randomUUID();
      keys.current.set(act, key);
      const done = await run(key);
      keys.current.delete(act);
      return done;
    },
    [],
  );
}
