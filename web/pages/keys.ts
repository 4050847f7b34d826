/** API keys: the list, one of them, and new ones, whose secret never leaves this browser. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { gateway } from '../../contracts/gateway.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Form } from '../kit/form.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { useKeys } from '../kit/keys.ts';
import { createList, findIn, type ListOptions } from '../kit/list.ts';
import { Loaded, Picture } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { Sure } from '../kit/sure.ts';
import { Once } from '../parts/once.ts';
import { createSecrets } from '../parts/secrets.ts';
import { TextFilter } from '../parts/text-filter.ts';
import { keysWords } from '../words/keys.ts';
import { kitWords } from '../words/kit.ts';

type Key = OutputOf<typeof gateway.list_keys>['items'][number];
type Scope = Key['scopes'][number];

const scopes = ['read', 'send', 'admin'] as const satisfies readonly Scope[];
export const filters = { client: 'text' } as const;

export function page(desk: Desk): Page {
  const t = desk.words(keysWords);
  const { client } = desk.router.route.peek().query;
  const idOf = ({ keyId }: Key): string => keyId;
  const read =
    (of: { readonly client?: string }): ListOptions<Key>['load'] =>
    ({ cursor, limit, signal }) =>
      desk.api.call<typeof gateway.list_keys>('GET /api/v1/keys', { cursor, limit, ...of }, { signal });
  const load = read(client === undefined ? {} : { client });
  const list = createList<Key>({ load, idOf }, desk.live);
  const secrets = createSecrets();
  /** The key that was made last, until it is dismissed. */
  const made = signal<{ readonly key: string; readonly client: string } | null>(null);
  const backHref = hrefOf('keys', null, client === undefined ? {} : { client });

  async function create(fields: FormData): Promise<string | undefined> {
    const chosen = scopes.filter((scope) => fields.get(scope) !== null);
    if (chosen.length === 0) return t('noScopes');
    const person = String(fields.get('person')).trim();
    const lastDay = String(fields.get('lastDay'));
    const input = {
      client: String(fields.get('client')).trim(),
      person: person === '' ? null : person,
      scopes: chosen,
      expiresAt: lastDay === '' ? null : new Date(`${lastDay}T23:59:59`).toISOString(),
    };
    await secrets.use(JSON.stringify(input), async (secret, secretHash) => {
      // Of the digest, so that a repeat names the same key.
      const keyId = `pk_${secretHash.slice(0, 12)}`;
      await desk.api.call<typeof gateway.create_key>('POST /api/v1/keys', { ...input, keyId, secretHash });
      made.value = { key: `${keyId}.${secret}`, client: input.client };
    });
    await list.refresh();
    return undefined;
  }

  return { view: View, stop: list.stop };

  function View(): VNode {
    const { id } = desk.router.route.value;
    const key = made.value;
    return html`${
      key !== null &&
      html`<${Once} desk=${desk} secret=${key.key} title=${t('created', { client: key.client })} dismiss=${() => {
        made.value = null;
      }} />`
    }
    ${id === null ? html`<${List} />` : html`<${One} key=${id} keyId=${id} />`}`;
  }

  function stateOf({ revokedAt, expiresAt }: Key): 'active' | 'expired' | 'revoked' {
    if (revokedAt !== null) return 'revoked';
    return expiresAt !== null && Date.parse(expiresAt) <= desk.now.value ? 'expired' : 'active';
  }

  function List(): VNode {
    const { time } = desk.format.value;
    const timeOr = (at: string | null): string => (at === null ? t('never') : time(at));
    const href = (keyId: string): string => hrefOf('keys', keyId, desk.router.route.peek().query);
    return html`<h1>${t('title')}</h1>
      <details class="fields"><summary>${t('create')}</summary>
        <${Form} desk=${desk} submit=${t('create')} run=${create}>
          <label>${t('client')} <span class="quiet">${t('clientHint')}</span>
            <input name="client" required maxlength="40" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
          <label>${t('person')} <span class="quiet">${t('personHint')}</span>
            <input name="person" maxlength="40" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
          <fieldset><legend>${t('scopes')}</legend>${scopes.map(
            (scope) =>
              html`<label key=${scope} class="inline"><input type="checkbox" name=${scope} defaultChecked=${scope === 'read'} /> ${t(`scope_${scope}`)}</label>`,
          )}</fieldset>
          <label>${t('lastDay')}<input name="lastDay" type="date" /></label>
        <//></details>
      <${TextFilter} desk=${desk} name="client" label=${t('client')} submit=${t('filter')} />
      <${Grid} desk=${desk} name="keys" label=${t('title')} list=${list} idOf=${idOf} load=${load}
        open=${({ keyId }: Key) => desk.router.go(href(keyId))}
        columns=${[
          {
            name: 'keyId',
            title: t('keyId'),
            text: idOf,
            cell: ({ keyId }: Key) => html`<a href=${href(keyId)} tabindex="-1">${keyId}</a>`,
          },
          { name: 'client', title: t('client'), text: (key: Key) => key.client },
          { name: 'person', title: t('person'), text: ({ person }: Key) => person ?? '' },
          { name: 'scopes', title: t('scopes'), text: (key: Key) => key.scopes.join(', ') },
          { name: 'state', title: t('state'), text: (key: Key) => t(`state_${stateOf(key)}`) },
          { name: 'createdAt', title: t('createdAt'), text: ({ createdAt }: Key) => time(createdAt) },
          { name: 'expiresAt', title: t('expiresAt'), text: ({ expiresAt }: Key) => timeOr(expiresAt) },
          { name: 'lastUsed', title: t('lastUsed'), text: ({ lastUsedAt }: Key) => timeOr(lastUsedAt) },
        ]} />`;
  }

  function One({ keyId }: { keyId: string }): VNode {
    const kit = desk.words(kitWords);
    const key = useResource((signal) => findIn(read({}), (each) => each.keyId === keyId, signal));
    useKeys(
      desk.keys,
      [{ name: 'back', code: 'Escape', label: kit('back'), run: () => desk.router.go(backHref) }],
      [desk.settings.language.value],
    );
    const changed = (next: Key): void => {
      key.set(next);
      void list.refresh();
    };
    return html`<p><a href=${backHref}>← ${kit('back')}</a></p>
      <${Loaded} desk=${desk} of=${key}>${(found: Key | null) =>
        found === null
          ? html`<h1>${t('title')}</h1><${Picture} kind="refused" title=${t('noKey')} />`
          : html`<${Details} apiKey=${found} changed=${changed} />`}<//>`;
  }

  function Details({ apiKey, changed }: { apiKey: Key; changed: (next: Key) => void }): VNode {
    const { keyId } = apiKey;
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => heading.current?.focus(), []);
    const timeOr = (at: string | null): string => (at === null ? t('never') : desk.format.value.fullTime(at));
    return html`<div class="fields">
      <h1 tabindex="-1" ref=${heading}>${keyId}</h1>
      <dl>
        <dt>${t('client')}</dt><dd>${apiKey.client}</dd>
        <dt>${t('person')}</dt><dd>${apiKey.person ?? t('nobody')}</dd>
        <dt>${t('scopes')}</dt><dd>${apiKey.scopes.map((scope) => t(`scope_${scope}`)).join(', ')}</dd>
        <dt>${t('state')}</dt><dd class="state">${t(`state_${stateOf(apiKey)}`)}</dd>
        <dt>${t('createdAt')}</dt><dd>${timeOr(apiKey.createdAt)}</dd>
        <dt>${t('expiresAt')}</dt><dd>${timeOr(apiKey.expiresAt)}</dd>
        <dt>${t('revokedAt')}</dt><dd>${timeOr(apiKey.revokedAt)}</dd>
        <dt>${t('lastUsed')}</dt><dd>${timeOr(apiKey.lastUsedAt)}</dd>
      </dl>
      ${
        apiKey.revokedAt === null &&
        html`<${Sure} desk=${desk} label=${t('revoke')} warning=${t('revokeText')} run=${async () => {
          changed(await desk.api.call<typeof gateway.revoke_key>('POST /api/v1/keys/{keyId}/revoke', { keyId }));
          desk.notify({ kind: 'done', text: t('revoked') });
          desk.announce(t('revoked'));
        }} />`
      }
    </div>`;
  }
}
