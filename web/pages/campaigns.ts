/** Campaigns do not exist yet, and the page says so. */
import type { VNode } from 'preact';
import type { Desk, Page } from '../kit/desk.ts';
import { html } from '../kit/html.ts';
import { Picture } from '../kit/pictures.ts';
import { hrefOf } from '../kit/router.ts';
import { campaignsWords } from '../words/campaigns.ts';

export const filters = {} as const;

export function page(desk: Desk): Page {
  return {
    view(): VNode {
      const t = desk.words(campaignsWords);
      return html`<h1>${t('title')}</h1>
        <${Picture} kind="empty" title=${t('none')}><p>${t('why')}</p><a href=${hrefOf('calls')}>${t('toCalls')}</a><//>`;
    },
  };
}
