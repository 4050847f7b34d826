/** Decisions made over HTTP and on these pages, newest first. */
import type { VNode } from 'preact';
import type { gateway } from '../../contracts/gateway.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { Desk, Page } from '../kit/desk.ts';
import { Grid } from '../kit/grid.ts';
import { html } from '../kit/html.ts';
import { createList, type ListOptions } from '../kit/list.ts';
import { TextFilter } from '../parts/text-filter.ts';
import { auditWords } from '../words/audit.ts';

type Decision = OutputOf<typeof gateway.list_audit>['items'][number];

export const filters = { client: 'text' } as const;

export function page(desk: Desk): Page {
  const { client } = desk.router.route.peek().query;
  // Of one request in one millisecond there is one decision of a kind.
  const idOf = ({ at, requestId, method, target }: Decision): string => [at, requestId, method, target].join('_');
  const load: ListOptions<Decision>['load'] = ({ cursor, limit, signal }) =>
    desk.api.call<typeof gateway.list_audit>(
      'GET /api/v1/audit',
      { cursor, limit, ...(client === undefined ? {} : { client }) },
      { signal },
    );
  const list = createList<Decision>({ load, idOf }, desk.live);
  return {
    stop: list.stop,
    view(): VNode {
      const t = desk.words(auditWords);
      const outcomeOf = ({ code, reason }: Decision): string => (code === 'ok' ? t('done') : reason === null ? code : `${code}: ${reason}`);
      return html`<h1>${t('title')}</h1>
        <div class="bar">
          <${TextFilter} desk=${desk} name="client" label=${t('client')} hint=${t('clientHint')} submit=${t('filter')} />
          <button type="button" onClick=${() => void list.refresh()}>${t('refresh')}</button>
        </div>
        <${Grid} desk=${desk} name="audit" label=${t('title')} list=${list} idOf=${idOf} load=${load}
          columns=${[
            {
              name: 'at',
              title: t('at'),
              text: ({ at }: Decision) => desk.format.value.fullTime(at),
              cell: ({ at }: Decision) =>
                html`<time datetime=${at} title=${desk.format.value.fullTime(at)}>${desk.format.value.time(at)}</time>`,
            },
            { name: 'who', title: t('who'), text: ({ person, client: of }: Decision) => person ?? of },
            { name: 'key', title: t('key'), text: ({ keyId }: Decision) => keyId },
            { name: 'method', title: t('method'), text: ({ method }: Decision) => method },
            { name: 'target', title: t('target'), text: ({ target }: Decision) => target ?? '' },
            {
              name: 'outcome',
              title: t('outcome'),
              text: outcomeOf,
              cell: (decision: Decision) =>
                html`<span class=${decision.code === 'ok' ? 'good' : 'bad'}>${decision.code === 'ok' ? '✓' : '✕'} ${outcomeOf(decision)}</span>`,
            },
            { name: 'requestId', title: t('requestId'), text: ({ requestId }: Decision) => requestId },
          ]} />`;
    },
  };
}
