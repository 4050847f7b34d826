/** A row of the journal in a few lines, for pages that are about something else. */
import type { VNode } from 'preact';
import type { journal } from '../../contracts/journal.ts';
import type { Desk } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Loaded } from '../kit/pictures.ts';
import { useResource } from '../kit/resource.ts';
import { hrefOf } from '../kit/router.ts';
import { rowWords } from '../words/rows.ts';
import { Audit, Log, type Row, StateTag, whyItWaits } from './rows.ts';

/** The page of runs is for those who may act on them; others read the number. */
function RunLink({ desk, runId }: { desk: Desk; runId: string }): VNode {
  return desk.may('journal.retry') ? html`<a href=${hrefOf('runs', runId)}><code>${runId}</code></a>` : html`<code>${runId}</code>`;
}

function RowLink({ desk, row }: { desk: Desk; row: Row }): VNode {
  const t = desk.words(rowWords);
  const waits = whyItWaits(desk, row);
  return html`<p><bdi>${row.method}</bdi> <${StateTag} desk=${desk} row=${row} />${waits !== '' && html` ${t('why')}: ${waits}`}</p>
    ${(row.error ?? row.reason) !== null && html`<p class="problem"><strong>${row.reason}</strong> <bdi>${row.error}</bdi></p>`}
    ${row.runId !== null && html`<p>${t('runOf')}: <${RunLink} desk=${desk} runId=${row.runId} /></p>`}
    <${Log} desk=${desk} row=${row} /><${Audit} desk=${desk} row=${row} />`;
}

/** What the journal has under a key, with the run that it belongs to. */
export function RowOfKey({ desk, journalKey }: { desk: Desk; journalKey: string }): VNode {
  const t = desk.words(rowWords);
  const row = useResource((signal) => desk.api.call<typeof journal.get>('GET /api/v1/journal/{id}', { id: journalKey }, { signal }));
  const { value } = row.shown;
  return html`<h3>${t('inJournal')}</h3>
    ${
      value.kind === 'refused' && value.error.status === 404
        ? html`<p class="quiet">${t('noRow')}</p>`
        : html`<${Loaded} desk=${desk} of=${row}>${(found: Row) => html`<${RowLink} desk=${desk} row=${found} />`}<//>`
    }`;
}
