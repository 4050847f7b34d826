/** Templates of a WhatsApp Business Account (developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates). */
import { z } from 'zod';
import { badCursor } from '../../../contracts/common.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { TemplatePage } from '../../channel/port.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';

interface Account {
  readonly WHATSAPP_TOKEN?: string | undefined;
  readonly WHATSAPP_API_ROOT: string;
  readonly WHATSAPP_API_VERSION: string;
  readonly WHATSAPP_BUSINESS_ACCOUNT_ID?: string | undefined;
}
const Reply = z.object({
  data: z.array(
    z.object({
      name: z.string(),
      language: z.string(),
      status: z.string(),
      category: z.string().nullish(),
      components: z.array(z.looseObject({ type: z.string(), text: z.string().nullish() })).default([]),
    }),
  ),
  paging: z.object({ cursors: z.object({ after: z.string().nullish() }).nullish(), next: z.string().nullish() }).nullish(),
});

export async function listTemplates(
  { WHATSAPP_TOKEN: token, WHATSAPP_API_ROOT: root, WHATSAPP_API_VERSION: version, WHATSAPP_BUSINESS_ACCOUNT_ID: account }: Account,
  http: Deps['http'],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  signal: AbortSignal,
): Promise<TemplatePage> {
  if (token === undefined)
    throw new PolybError('failed_precondition', 'WHATSAPP_TOKEN is not set; templates cannot be listed.', { reason: 'no_token' });
  if (account === undefined)
    throw new PolybError('failed_precondition', 'WHATSAPP_BUSINESS_ACCOUNT_ID is not set; templates cannot be listed.', {
      reason: 'no_account',
    });
  if (cursor !== undefined && !/^[\w=-]{1,500}$/.test(cursor)) throw badCursor();
  const query = new URLSearchParams({
    fields: 'name,language,status,category,components',
    limit: String(limit),
    ...(cursor === undefined ? {} : { after: cursor }),
  });
  const answer = await http({
    method: 'GET',
    url: `${root}/${version}/${account}/message_templates?${query}`,
    operation: 'templates',
    headers: { authorization: `Bearer ${token}` },
    signal,
  });
  if (answer.status !== 200) throw httpFailure(answer, 'Listing the templates of WhatsApp', 'upstream_permission');
  const { success, data: reply } = Reply.safeParse(answer.json());
  if (!success) throw new PolybError('upstream_failed', 'WhatsApp replied with no list of templates.', { reason: 'bad_reply' });
  return {
    items: reply.data.map(({ name, language, status, category, components }) => {
      const text = (components.find(({ type }) => type.toUpperCase() === 'BODY')?.text ?? '').slice(0, 4096);
      return {
        name: name.slice(0, 512),
        language: language.slice(0, 20),
        state: status.slice(0, 40),
        category: category?.slice(0, 40) ?? null,
        text,
        parameters: Math.min(100, new Set([...text.matchAll(/\{\{([^{}]+)\}\}/g)].map(([, name = '']) => name)).size),
      };
    }),
    // `next` is absent on the last page, which has a cursor too.
    nextCursor: reply.paging?.next == null ? null : (reply.paging.cursors?.after ?? null),
  };
}
