/** Phrases that decide the intent of a message on their own, and the templates of a channel. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { intents } from '../../contracts/intents.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';
import type { Desk } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { Sure } from '../kit/sure.ts';
import { patternsWords } from '../words/patterns.ts';
import { threadWords } from '../words/thread.ts';
import { channelName } from './channel.ts';
import { Table } from './table.ts';
import { intents as names } from './thread.ts';

type Pattern = OutputOf<typeof intents.list_patterns>['items'][number];
type Template = OutputOf<typeof messages.list_templates>['items'][number];

export function Patterns({ desk }: { desk: Desk }): VNode {
  const t = desk.words(patternsWords);
  const word = desk.words(threadWords);
  const edited = useSignal<Pattern | null>(null);
  const patterns = useResource(
    async (signal) => (await desk.api.call<typeof intents.list_patterns>('GET /api/v1/intents/patterns', {}, { signal })).items,
  );
  const mayPut = desk.may('intents.put_pattern');
  const mayRemove = desk.may('intents.remove_pattern');
  async function put(fields: FormData): Promise<undefined> {
    const text = (name: string): string => String(fields.get(name)).trim();
    const pattern = {
      ...{ patternId: edited.value?.patternId ?? `p${crypto.randomUUID().slice(0, 8)}`, phrase: text('phrase') },
      ...{ intent: text('intent') as Pattern['intent'], isUrgent: fields.get('isUrgent') !== null, rank: Number(text('rank')) },
    };
    await desk.api.call<typeof intents.put_pattern>('PUT /api/v1/intents/patterns/{patternId}', pattern);
    edited.value = null;
    desk.notify({ kind: 'done', text: t('saved') });
    await patterns.read();
  }
  async function remove({ patternId }: Pattern): Promise<void> {
    await desk.api.call<typeof intents.remove_pattern>('DELETE /api/v1/intents/patterns/{patternId}', { patternId });
    if (edited.value?.patternId === patternId) edited.value = null;
    await patterns.read();
  }
  const acts = (pattern: Pattern): VNode => html`<div class="bar">
    <button type="button" onClick=${() => {
      edited.value = pattern;
    }}>${t('edit')}</button>
    ${mayRemove && html`<${Sure} desk=${desk} label=${t('remove')} warning=${t('removeWarning')} run=${() => remove(pattern)} />`}</div>`;
  const current = edited.value;
  return html`<div class="patterns"><${Loaded} desk=${desk} of=${patterns}>${(
    items: readonly Pattern[],
  ) => html`<${Table} title=${t('title')} empty=${t('empty')} rows=${items} idOf=${({ patternId }: Pattern) => patternId}
      columns=${[
        [t('phrase'), ({ phrase }: Pattern) => html`<bdi>${phrase}</bdi>`],
        [
          t('intent'),
          ({ intent, isUrgent }: Pattern) =>
            html`${word(`intent_${intent}`)}${isUrgent && html` <span class="tag bad">! ${word('urgent')}</span>`}`,
        ],
        [t('rank'), ({ rank }: Pattern) => rank],
        ...(mayPut ? [[t('acts'), acts] as const] : []),
      ]} />`}<//>
    ${
      mayPut &&
      html`<details class="fields" open=${current !== null}><summary>${t(current === null ? 'add' : 'change')}</summary>
        <${Form} key=${current?.patternId ?? 'new'} desk=${desk} submit=${t('save')} run=${put}>
          <label>${t('phrase')}<input name="phrase" required maxlength="200" autocomplete="off" aria-describedby="phrase-help" defaultValue=${current?.phrase ?? ''} /></label>
          <p class="quiet" id="phrase-help">${t('phraseHelp')}</p>
          <label>${t('intent')}<select name="intent">${names.map((each) => html`<option key=${each} value=${each} selected=${each === current?.intent}>${word(`intent_${each}`)}</option>`)}</select></label>
          <label class="inline"><input type="checkbox" name="isUrgent" defaultChecked=${current?.isUrgent ?? false} /> ${word('urgent')}</label>
          <label>${t('rank')}<input name="rank" type="number" min="0" max="1000" required defaultValue=${String(current?.rank ?? 100)} /></label>
        <//></details>`
    }</div>`;
}

/** Templates are made and approved at the provider, which is asked for them when they are opened. */
export function Templates({ desk }: { desk: Desk }): VNode {
  const t = desk.words(patternsWords);
  const isOpen = useSignal(false);
  const toggled = (event: Event): void => {
    isOpen.value = (event.currentTarget as HTMLDetailsElement).open;
  };
  return html`<details class="templates" onToggle=${toggled}><summary>${t('templates')}</summary><p class="quiet">${t('templatesText')}</p>
    ${isOpen.value && html`<${TemplateTable} desk=${desk} />`}</details>`;
}
function TemplateTable({ desk }: { desk: Desk }): VNode {
  const t = desk.words(patternsWords);
  const templates = useResource(
    async (signal) => (await desk.api.call<typeof messages.list_templates>('GET /api/v1/templates', { limit: 200 }, { signal })).items,
  );
  return html`<${Loaded} desk=${desk} of=${templates}>${(
    items: readonly Template[],
  ) => html`<${Table} title=${t('templates')} empty=${t('noTemplates')} rows=${items} idOf=${({ name, language }: Template) => `${name} ${language}`}
      columns=${[
        [t('name'), ({ name, language }: Template) => html`<code>${name}</code> ${language}`],
        [t('channel'), ({ channel }: Template) => channelName(desk, channel)],
        [t('state'), ({ state }: Template) => html`<span class=${state === 'APPROVED' ? 'tag good' : 'tag'} lang="en">${state}</span>`],
        [t('text'), ({ text }: Template) => html`<bdi>${text}</bdi>`],
      ]} />`}<//>`;
}
