/** Names, routes and bodies of former integrations, each mapped to a method. */
import { z } from 'zod';
import { asr } from './asr.ts';
import { calls } from './calls.ts';
import { Id } from './common.ts';
import { crm, PushToCrm } from './crm.ts';
import { dialog } from './dialog.ts';
import { inbox } from './inbox.ts';
import { journal } from './journal.ts';
import { type Alias, alias } from './kit/define.ts';
import { aliasFact, resolve } from './kit/legacy-body.ts';
import { tts } from './tts.ts';

/** The reply of the first `push_to_crm`; other fields are ignored. */
const NestedPush = z.object({
  crm_id: z.object({
    resData: z.object({
      id: Id,
      phoneNumber: z.string().max(20).meta({ pii: 'phone' }).describe('Digits without +.'),
      createdById: Id.nullish(),
    }),
  }),
});
const { firstName, phoneNumber, source, comment } = PushToCrm.shape;
const OldLead = z.object({ title: comment, name: firstName, phone: phoneNumber, source });

const said = dialog.dialog.input.shape;
const OldDialog = z.object({
  session_id: said.sessionId,
  user_message: said.message,
  choice: said.choice,
  name: said.name,
  phone: said.phoneNumber,
  language: said.language,
});
const site = inbox.put_message.input.shape;
/** The request of the first universal endpoint. `company_id` and `channel` are ignored: a system serves one company, and the channel is `site`. */
const OldMessage = z.object({
  user_id: site.from,
  user_name: site.name,
  phone: site.phoneNumber,
  text: site.text,
  choice: site.choice,
  message_id: site.messageId,
  wait_ms: site.waitMs.optional(),
});

export const aliases: readonly Alias[] = [
  alias('crm_connector.push_to_crm', crm.push_to_crm),
  alias('call_orchestrator.start_call', calls.start_call, {
    body: NestedPush,
    fields: { leadId: 'crm_id.resData.id', phoneNumber: 'crm_id.resData.phoneNumber', createdById: 'crm_id.resData.createdById' },
  }),
  alias('POST /leads', crm.push_to_crm, {
    port: 8005,
    body: OldLead,
    fields: { firstName: 'name', phoneNumber: 'phone', source: 'source', comment: 'title' },
  }),
  alias('POST /deals', crm.create_deal, { port: 8005 }),
  alias('POST /tasks', crm.create_task, { port: 8005 }),
  alias('POST /dialog', dialog.dialog, {
    port: 8003,
    body: OldDialog,
    fields: {
      sessionId: 'session_id',
      message: 'user_message',
      choice: 'choice',
      name: 'name',
      phoneNumber: 'phone',
      language: 'language',
    },
  }),
  alias('GET /intents', dialog.list_intents, { port: 8003 }),
  alias('POST /recognize', asr.recognize, { port: 8001 }),
  alias('POST /synthesize', tts.synthesize, { port: 8002 }),
  alias('GET /voices', tts.list_voices, { port: 8002 }),
  // The former endpoint answered with the reply.
  alias('POST /api/v1/messages', inbox.put_message, {
    body: OldMessage,
    fields: {
      from: 'user_id',
      name: 'user_name',
      phoneNumber: 'phone',
      text: 'text',
      choice: 'choice',
      messageId: 'message_id',
      waitMs: 'wait_ms',
    },
    defaults: { waitMs: 30_000 },
  }),
  alias('POST /api/v1/calls', calls.start_call, { port: 3000 }),
  alias('GET /api/v1/calls/{callId}', calls.get_call, { port: 3000 }),
  alias('GET /api/v1/sandbox/pending', journal.list, { fixed: { view: 'approvals', show: 'revealed' }, scope: 'send' }),
  alias('POST /api/v1/sandbox/{id}/approve', journal.approve),
  alias('POST /api/v1/sandbox/{id}/reject', journal.reject, { defaults: { why: 'not wanted' } }),
  alias('POST /api/v1/sandbox/{id}/claim', journal.hold),
  alias('POST /api/v1/sandbox/{id}/release', journal.release),
  alias('POST /api/v1/sandbox/{id}/edit', journal.edit),
  alias('POST /api/v1/sandbox/{id}/recall', journal.recall, { port: 8300 }),
  alias('GET /api/v1/sandbox/reviews', journal.list, { fixed: { view: 'reviews', show: 'revealed' }, scope: 'send' }),
  alias('POST /api/v1/sandbox/{id}/resolve', journal.resolve),
  alias('inbox.telegram_webhook', inbox.channel_webhook, { fixed: { channel: 'telegram' } }),
  alias('inbox.whatsapp_webhook', inbox.channel_webhook, { fixed: { channel: 'whatsapp' } }),
  alias('inbox.whatsapp_verify', inbox.channel_webhook, { into: 'query', fixed: { channel: 'whatsapp' } }),
  // A channel verifies the webhook with a GET.
  alias('GET /api/v1/channels/{channel}/webhook', inbox.channel_webhook),
  alias('POST /api/v1/telegram/webhook', inbox.channel_webhook, { fixed: { channel: 'telegram' } }),
  alias('POST /api/v1/whatsapp/webhook', inbox.channel_webhook, { fixed: { channel: 'whatsapp' } }),
  alias('GET /api/v1/whatsapp/webhook', inbox.channel_webhook, { fixed: { channel: 'whatsapp' } }),
  alias('POST /api/v1/inbox/chat_context', inbox.chat_context),
  alias('POST /api/v1/inbox/set_chat_owner', inbox.set_chat_owner),
  // Status of a request that is still in progress.
  alias('GET /api/v1/rows/{id}', journal.get, { fixed: { reveal: false }, scope: 'read' }),
];

/** The path of a journal row, masked, for keys with read access. */
export const rowPath = (rowId: string): string => `/api/v1/rows/${encodeURIComponent(rowId)}`;

/** The contracts that each former program served on its own port. */
export const oldPorts: Readonly<Record<number, readonly string[]>> = {
  3000: ['calls'],
  8001: ['asr'],
  8002: ['tts'],
  8003: ['dialog'],
  8005: ['crm'],
  8000: ['inbox', 'intents', 'messages', 'journal'],
  8300: ['inbox', 'intents', 'messages', 'journal'],
};

const facts = aliases.map(aliasFact);

/**
 * Maps a former name and body to the method's address and input. A body that already has the method's fields is unchanged.
 * A name without an alias is returned unchanged.
 */
export function applyAlias(name: string, body: unknown): { readonly address: string; readonly body: unknown } {
  return resolve(facts, name, body);
}
