/** Settings of the running services, with their sources, and how channels and providers respond. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { systemSettingsWords } from '../words/system-settings.ts';
import { readServices, type Service } from './services.ts';
import { Table } from './table.ts';

type Setting = OutputOf<typeof system.list_settings>['settings'][number];
type Standing = Service['dependencies'][number] & { readonly service: string };

export function SystemSettings({ desk }: { desk: Desk }): VNode {
  const t = desk.words(systemSettingsWords);
  const settings = useResource(
    async (signal) => (await desk.api.call<typeof system.list_settings>('GET /api/v1/settings', {}, { signal })).settings,
  );
  const services = useResource(async (signal) => (await readServices(desk, signal)).items);
  return html`<section class="system-settings" aria-labelledby="system-settings"><h2 id="system-settings">${t('title')}</h2>
      <p class="quiet">${t('text')}</p>
      <${Loaded} desk=${desk} of=${settings}>${(all: readonly Setting[]) => html`<${Settings} desk=${desk} all=${all} />`}<//>
    </section>
    <p class="quiet">${t('channelsText')}</p>
    <${Loaded} desk=${desk} of=${services}>${(all: readonly Service[]) => html`<${Channels} desk=${desk} all=${all} />`}<//>`;
}

/** Each setting once, however many services read it; values that differ are rows of their own. */
function merged(all: readonly Setting[]): readonly (Setting & { readonly services: readonly string[] })[] {
  const same = Map.groupBy(all, ({ name, value, origin, isShared }) => JSON.stringify([name, value, origin, isShared]));
  return [...same.values()]
    .flatMap((equal) => (equal[0] === undefined ? [] : [{ ...equal[0], services: [...new Set(equal.map(({ service }) => service))] }]))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function Settings({ desk, all }: { desk: Desk; all: readonly Setting[] }): VNode {
  const t = desk.words(systemSettingsWords);
  const text = useSignal('');
  const isOnlySet = useSignal(true);
  const inAll = new Set(all.map(({ service }) => service)).size;
  const wanted = text.value.trim().toLowerCase();
  type Row = ReturnType<typeof merged>[number];
  const rows = merged(all).filter(
    ({ name, what, isSet }) => (!isOnlySet.value || isSet || wanted !== '') && `${name} ${what}`.toLowerCase().includes(wanted),
  );
  const cellOf = ({ value, isSecret, isSet, origin }: Row): ComponentChildren => {
    if (isSecret) return html`<span class="quiet">${t(isSet ? 'secretSet' : 'secretUnset')}</span>`;
    return value === null || origin === 'not set'
      ? html`<span class="quiet">${t('unset')}</span>`
      : html`<bdi class="value">${value}</bdi>`;
  };
  const originOf = ({ origin, instances, isShared }: Row): string => {
    const known = { default: t('byDefault'), 'not set': t('unset'), 'the environment': t('environment') } as const;
    const from = known[origin as keyof typeof known] ?? origin;
    return isShared ? from : `${from}; ${t('differs', { n: instances })}`;
  };
  return html`<div class="bar">
      <label>${t('search')} <input type="search" name="setting" maxlength="100" spellcheck=${false} onInput=${(event: Event) => {
        text.value = (event.target as HTMLInputElement).value;
      }} /></label>
      <label><input type="checkbox" checked=${isOnlySet.value} onChange=${(event: Event) => {
        isOnlySet.value = (event.target as HTMLInputElement).checked;
      }} /> ${t('onlySet')}</label>
    </div>
    <${Table} title=${t('count', { n: rows.length })} empty=${t('nothing')} rows=${rows}
      idOf=${({ name, value, origin }: Row) => `${name} ${value} ${origin}`}
      columns=${[
        [t('name'), ({ name }: Row) => html`<code>${name}</code>`],
        [t('value'), cellOf],
        [t('origin'), originOf],
        [t('service'), ({ services }: Row) => (services.length === inAll && inAll > 1 ? t('everywhere') : services.join(', '))],
        [t('what'), ({ what }: Row) => html`<span lang="en">${what}</span>`],
      ]} />`;
}

function Channels({ desk, all }: { desk: Desk; all: readonly Service[] }): VNode {
  const t = desk.words(systemSettingsWords);
  const rows = all.flatMap(({ service, dependencies }) => dependencies.map((each): Standing => ({ ...each, service })));
  return html`<${Table} title=${t('channels')} empty=${t('noChannels')} rows=${rows} idOf=${({ service, target }: Standing) => `${service} ${target}`}
    columns=${[
      [t('target'), ({ target }: Standing) => target],
      [
        t('state'),
        ({ failure }: Standing) =>
          failure === null
            ? html`<span class="tag good">● ${t('works')}</span>`
            : html`<span class="tag bad">✕ ${t('failed')}</span> <span lang="en">${failure}</span>`,
      ],
      [t('since'), ({ since }: Standing) => desk.format.value.age(since, desk.now.value)],
      [t('service'), ({ service }: Standing) => service],
    ]} />`;
}
