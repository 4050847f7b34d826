/** Open sessions of a person, each with a button that ends it. */
import type { VNode } from 'preact';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { people } from '../../contracts/people.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded, Picture } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { Sure } from '../kit/sure.ts';
import { sessionsWords } from '../words/sessions.ts';

export type OpenSession = OutputOf<typeof people.list_sessions>['items'][number] & {
  /** The session of this page. */ readonly isThis?: boolean;
};
export interface SessionsProps {
  readonly desk: Desk;
  readonly load: (signal: AbortSignal) => Promise<readonly OpenSession[]>;
  readonly end: (sessionId: string) => Promise<unknown>;
}

export function Sessions({ desk, load, end }: SessionsProps): VNode {
  const t = desk.words(sessionsWords);
  const sessions = useResource(load);
  const time = desk.format.value.time;
  return html`<section class="sessions"><h2>${t('title')}</h2>
    <${Loaded} desk=${desk} of=${sessions}>${(items: readonly OpenSession[]) =>
      items.length === 0
        ? html`<${Picture} kind="empty" title=${t('empty')} />`
        : html`<ul class="cards">${items.map(
            ({ sessionId, address, program, createdAt, lastSeenAt, expiresAt, isThis = false }) => html`<li key=${sessionId}>
              <p><strong><bdi>${address}</bdi></strong>${isThis && html` <span class="tag">${t('isThis')}</span>`}</p>
              <p class="quiet"><bdi>${program}</bdi></p>
              <p>${t('times', { created: time(createdAt), seen: time(lastSeenAt), expires: time(expiresAt) })}</p>
              ${
                !isThis &&
                html`<${Sure} desk=${desk} label=${t('end')} warning=${t('endWarning')} run=${async () => {
                  await end(sessionId);
                  desk.notify({ kind: 'done', text: t('ended') });
                  await sessions.read();
                }} />`
              }</li>`,
          )}</ul>`}<//>
  </section>`;
}
