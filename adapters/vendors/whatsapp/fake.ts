/**
 * A strict fake of the WhatsApp Cloud API (developers.facebook.com/docs/whatsapp/cloud-api), for tests: accepts messages only as
 * documented, gives media links valid for five minutes, verifies, signs and repeats webhooks, and fails on demand.
 * `POST /say {webhook, from, text}` sends a customer's message, after the webhook was verified; `POST /choose {from, title}` chooses an
 * option of the latest message that offers it; `POST /screen {from}` returns the messages to a customer. With `times` the same delivery
 * arrives several times, or the option is chosen as often.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/** A fault, once unless `times` says more. */
export type Fault = { readonly on?: WhatsAppRequest['what']; readonly times?: number } & (
  | { readonly do: 'refuse'; readonly code: number; readonly status?: number }
  | { readonly do: 'answer'; readonly status: number; readonly body: string }
  /** The connection breaks after the work was done. */
  | { readonly do: 'cut' }
);
export interface WhatsAppRequest {
  readonly what: 'messages' | 'media' | 'download' | 'upload';
  readonly path: string;
  readonly authorization: string;
  readonly body: Json;
}
type Json = Readonly<Record<string, unknown>>;
/** `phone`: digits, absent for a person who hides it behind a user name; `userId`: the business-scoped id, always present. */
export interface Customer {
  readonly phone?: string;
  readonly userId?: string;
  readonly name?: string;
  readonly username?: string;
}
interface OutboundMessage {
  readonly id: string;
  /** The phone or the user id of the recipient. */
  readonly to: string;
  readonly body: Json;
}
/** The body of a request that stands for a customer. */
interface CustomerAct {
  readonly webhook?: string;
  readonly from?: string;
  readonly text?: string;
  readonly title?: string;
  readonly times?: number;
}
type Webhook = (delivery: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }) => Promise<boolean>;
export interface WhatsAppFake {
  readonly url: string;
  readonly phoneNumberId: string;
  readonly asked: readonly WhatsAppRequest[];
  /** Accepted messages, in order. */
  readonly sent: readonly OutboundMessage[];
  /** Verifies a webhook and delivers to it from then on. @throws Error when it does not return the challenge. */
  subscribe(url: string): Promise<void>;
  /** Delivers to `webhook` from now on; it returns whether it accepted the delivery, which is repeated until it does. */
  deliverTo(webhook: Webhook): void;
  /** A customer sends a text, or a message of another type; returns its id. */
  say(from: Customer, message: string | Json, at?: number): string;
  /** A customer chooses an option of a message, by its title; returns the id of their message. */
  choose(from: Customer, of: OutboundMessage, title: string): string;
  /** Files that were uploaded, by id. */
  readonly uploads: ReadonlyMap<string, { readonly bytes: Uint8Array; readonly mimeType: string }>;
  /** Delivers a status of a message. */
  status(id: string, status: string, more?: Json): void;
  /** Delivers any value of a change of the field `messages`. */
  deliver(value: Json): void;
  /** Number of deliveries that the webhook has not accepted. */
  untaken(): number;
  media(id: string, bytes: Uint8Array, mimeType: string): void;
  order(fault: Fault): void;
  close(): Promise<void>;
}

export interface FakeOptions {
  readonly token: string;
  readonly appSecret: string;
  readonly verifyToken?: string;
  readonly phoneNumberId?: string;
  /** Approved templates: the number of parameters of each, by `name/language`. */
  readonly templates?: Readonly<Record<string, number>>;
  /** Unix ms. */
  readonly now?: () => number;
}

const windowMs = 86_400_000;
const linkMs = 300_000;
/** To one person: 45 at once, then one in six seconds (…/cloud-api/overview, pair rate limits). */
const pair = { burst: 45, everyMs: 6_000 };

const text = (max: number) => z.string().min(1).max(max);
const parameter = z.strictObject({ type: z.literal('text'), text: text(1024) });
const distinct = (values: readonly string[]) => new Set(values).size === values.length;
/** …/cloud-api/messages/interactive-reply-buttons-messages: at most three, ids and titles unique. */
const replyId = text(256).refine((id) => id === id.trim());
const ReplyButtons = z
  .array(z.strictObject({ type: z.literal('reply'), reply: z.strictObject({ id: replyId, title: text(20) }) }))
  .min(1)
  .max(3)
  .refine((buttons) => distinct(buttons.map(({ reply }) => reply.id)) && distinct(buttons.map(({ reply }) => reply.title)));
/** …/cloud-api/messages/interactive-list-messages: at most ten sections and ten rows in all, ids unique. */
const Sections = z
  .array(
    z.strictObject({
      title: text(24),
      rows: z.array(z.strictObject({ id: text(200), title: text(24), description: text(72).optional() })).min(1),
    }),
  )
  .min(1)
  .max(10)
  .refine((sections) => {
    const ids = sections.flatMap(({ rows }) => rows.map(({ id }) => id));
    return ids.length <= 10 && distinct(ids);
  });
const body = z.strictObject({ text: text(1024) });
const Interactive = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('button'), body, action: z.strictObject({ buttons: ReplyButtons }) }),
  z.strictObject({ type: z.literal('list'), body, action: z.strictObject({ button: text(20), sections: Sections }) }),
]);
const mediaId = z.string().regex(/^\d{1,40}$/);
/** …/cloud-api/reference/media: supported types and sizes. */
const mediaLimits: readonly (readonly [RegExp, number])[] = [
  [/^image\/(jpeg|png)$/, 5_000_000],
  [/^image\/webp$/, 500_000],
  [/^(audio|video)\//, 16_000_000],
  [/./, 100_000_000],
];
const whole = {
  messaging_product: z.literal('whatsapp'),
  recipient_type: z.enum(['individual', 'group']).optional(),
  to: z
    .string()
    .regex(/^(\+?\d{7,15}|[\w-]{16,128})$/)
    .optional(),
  recipient: z
    .string()
    .regex(/^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/)
    .optional(),
  context: z.strictObject({ message_id: z.string().startsWith('wamid.') }).optional(),
};
const Message = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...whole,
      type: z.literal('text'),
      text: z.strictObject({ body: text(4096), preview_url: z.boolean().optional() }),
    }),
    z.strictObject({ ...whole, type: z.literal('interactive'), interactive: Interactive }),
    z.strictObject({ ...whole, type: z.literal('image'), image: z.strictObject({ id: mediaId, caption: text(1024).optional() }) }),
    z.strictObject({
      ...whole,
      type: z.literal('document'),
      document: z.strictObject({ id: mediaId, caption: text(1024).optional(), filename: text(240).optional() }),
    }),
    z.strictObject({
      ...whole,
      type: z.literal('template'),
      template: z.strictObject({
        name: text(512),
        language: z.strictObject({ code: text(10) }),
        components: z.array(z.strictObject({ type: z.literal('body'), parameters: z.array(parameter).min(1) })).optional(),
      }),
    }),
  ])
  // Groups have no interactive messages (…/cloud-api/groups/groups-messaging).
  .refine(({ type, recipient_type: to }) => type !== 'interactive' || to !== 'group')
  .refine(({ to, recipient }) => to !== undefined || recipient !== undefined)
  // Groups have their own ids (…/cloud-api/groups/groups-messaging).
  .refine(({ recipient_type: type, to }) => (type === 'group') === (to !== undefined && !/^\+?\d{7,15}$/.test(to)));

export async function whatsappFake({
  token,
  appSecret,
  verifyToken = 'verify-token',
  phoneNumberId = '5550001',
  templates = {},
  now = Date.now,
}: FakeOptions): Promise<WhatsAppFake> {
  const asked: WhatsAppRequest[] = [];
  const sent: OutboundMessage[] = [];
  const files = new Map<string, { readonly bytes: Uint8Array; readonly mimeType: string }>();
  const uploads = new Map<string, { readonly bytes: Uint8Array; readonly mimeType: string }>();
  const faults: { readonly fault: Fault; left: number }[] = [];
  const queue: Json[] = [];
  /** Last message of each customer, under every id they have. */
  const wroteAt = new Map<string, number>();
  /** When the pair may be used again if no burst is saved up. */
  const pairFreeAt = new Map<string, number>();
  const stopping = new AbortController();
  let webhook: Webhook | undefined;
  let pushing = false;
  // A system that outlives the fake knows the messages of an earlier one.
  let serial = Date.now();

  function deliver(value: Json): void {
    queue.push({ messaging_product: 'whatsapp', metadata: { display_phone_number: '15550001', phone_number_id: phoneNumberId }, ...value });
    void push();
  }
  /** One by one; unaccepted deliveries are repeated. */
  async function push(): Promise<void> {
    if (pushing) return;
    pushing = true;
    for (let tries = 0; tries < 50 && !stopping.signal.aborted; ) {
      const [value] = queue;
      if (value === undefined || webhook === undefined) break;
      const change = { field: 'messages', value };
      // JSON as Meta writes it: signatures over re-serialised JSON do not match.
      const written = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102', changes: [change] }] }).replaceAll(
        '/',
        '\\/',
      );
      const body = Buffer.from(written.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));
      const signature = `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
      if (await webhook({ headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature }, body })) {
        queue.shift();
        tries = 0;
      } else {
        tries += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    pushing = false;
  }

  function deliverTo(to: Webhook): void {
    webhook = to;
    void push();
  }
  async function subscribe(url: string): Promise<void> {
    const challenge = '1158201444';
    const query = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.challenge': challenge, 'hub.verify_token': verifyToken });
    const proof = await fetch(`${url}?${query}`, { signal: stopping.signal });
    if (!proof.ok || (await proof.text()) !== challenge) throw new Error(`the webhook did not echo the challenge (HTTP ${proof.status})`);
    deliverTo(({ headers, body }) =>
      fetch(url, { method: 'POST', headers, body, signal: stopping.signal }).then(
        async (taken) => {
          await taken.arrayBuffer();
          return taken.ok;
        },
        () => false, // The delivery is repeated.
      ),
    );
  }
  function say({ phone, userId, name = 'Клиент', username }: Customer, message: string | Json, at = now()): string {
    const id = `wamid.IN${++serial}`;
    for (const known of [phone, userId]) if (known !== undefined) wroteAt.set(known, Math.max(at, wroteAt.get(known) ?? 0));
    const content = typeof message === 'string' ? { type: 'text', text: { body: message } } : message;
    deliver({
      contacts: [{ profile: { name, username }, wa_id: phone, user_id: userId }],
      messages: [{ from: phone, from_user_id: userId, id, timestamp: String(Math.floor(at / 1000)), ...content }],
    });
    return id;
  }

  function take(body: Json): object {
    const read = Message.safeParse(body);
    if (!read.success) {
      const [issue] = read.error.issues;
      throw issue?.path[0] === 'type' ? refusal(131051) : refusal(issue?.code === 'too_big' ? 131009 : 100, issue?.path.join('.'));
    }
    const message = read.data;
    const to = message.to ?? message.recipient ?? '';
    const user = message.to?.replace('+', '') ?? to;
    const freeAt = Math.max(pairFreeAt.get(user) ?? 0, now());
    if (freeAt - now() > (pair.burst - 1) * pair.everyMs) throw refusal(131056);
    if (message.type !== 'template' && now() - (wroteAt.get(user) ?? -Infinity) >= windowMs) throw refusal(131047);
    const media = message.type === 'image' ? message.image : message.type === 'document' ? message.document : undefined;
    const stored = media && uploads.get(media.id);
    if (media !== undefined && (stored === undefined || (message.type === 'image' && !/^image\/(jpeg|png)$/.test(stored.mimeType))))
      throw refusal(131053);
    if (message.type === 'template') {
      const { name, language, components = [] } = message.template;
      const wanted = templates[`${name}/${language.code}`];
      if (wanted === undefined) throw refusal(132001);
      if (wanted !== (components[0]?.parameters.length ?? 0)) throw refusal(132000);
    }
    pairFreeAt.set(user, freeAt + pair.everyMs);
    const id = `wamid.OUT${++serial}`;
    sent.push({ id, to: user, body });
    const contact = message.to === undefined ? { input: to, user_id: to } : { input: to, wa_id: user };
    return { messaging_product: 'whatsapp', contacts: [contact], messages: [{ id }] };
  }

  /** Stores a file for a later message. */
  async function upload(request: IncomingMessage, bytes: Buffer): Promise<object> {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': request.headers['content-type'] ?? '' } })
      .formData()
      .catch(() => undefined);
    const [product, type, file] = ['messaging_product', 'type', 'file'].map((name) => form?.get(name));
    if (product !== 'whatsapp' || typeof file !== 'object' || file === null || file.type !== type) throw refusal(100);
    const body = new Uint8Array(await file.arrayBuffer());
    const [, most = 0] = mediaLimits.find(([like]) => like.test(file.type)) ?? [];
    if (body.length === 0 || body.length > most) throw refusal(131053);
    const id = String(880_000 + ++serial);
    uploads.set(id, { bytes: body, mimeType: file.type });
    return { id };
  }
  function choose(from: Customer, { id: of, body: shown }: OutboundMessage, title: string): string {
    const option = optionsIn(shown).find((each) => each.title === title);
    if (option === undefined) throw new TypeError(`there is no option ${title} to choose`);
    const { type, ...reply } = option;
    return say(from, { type: 'interactive', interactive: { type, [type]: reply }, context: { from: '15550001', id: of } });
  }

  function linkTo(id: string): object {
    const file = files.get(id);
    if (file === undefined) throw refusal(100, `Object with ID '${id}' does not exist`);
    const query = new URLSearchParams({ mid: id, ext: String(now() + linkMs) });
    return {
      ...{ messaging_product: 'whatsapp', id, url: `${origin()}/attachments/?${query}`, mime_type: file.mimeType },
      ...{ sha256: createHash('sha256').update(file.bytes).digest('hex'), file_size: file.bytes.length },
    };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const bytes = await bodyOf(request);
    const isForm = request.headers['content-type']?.startsWith('multipart/form-data') === true;
    const body = (bytes.length === 0 || isForm ? {} : JSON.parse(bytes.toString())) as Json;
    if (request.method === 'POST' && pathname === '/say') {
      const { webhook: to, from = '79995550001', text = '', times = 1 } = body as CustomerAct;
      try {
        if (to !== undefined) await subscribe(to);
      } catch (error) {
        return send(response, 502, { error: `${to}: ${(error as Error).message}` });
      }
      const id = say({ phone: from }, text);
      queue.push(...queue.slice(-1).flatMap((delivery) => Array.from({ length: times - 1 }, () => delivery)));
      return send(response, 200, { id });
    }
    if (request.method === 'POST' && pathname === '/choose') {
      const { from = '79995550001', title = '', times = 1 } = body as CustomerAct;
      const offering = sent.findLast(({ to, body: shown }) => to === from && optionsIn(shown).some((option) => option.title === title));
      if (offering === undefined) return send(response, 404, { error: `there is no option ${title} to choose` });
      const [id] = Array.from({ length: times }, () => choose({ phone: from }, offering, title));
      return send(response, 200, { id });
    }
    if (request.method === 'POST' && pathname === '/screen') {
      const { from = '79995550001' } = body as CustomerAct;
      return send(
        response,
        200,
        sent
          .filter(({ to }) => to === from)
          .map(({ body: shown }) => ({ text: textIn(shown), options: optionsIn(shown).map(({ title }) => title) })),
      );
    }
    const { authorization = '' } = request.headers;
    if (/^\/v\d+\.\d\/\d+\/message_templates$/.test(pathname)) {
      if (authorization !== `Bearer ${token}`) throw refusal(190);
      return send(response, 200, templatesPage(templates, searchParams));
    }
    const [, node = '', edge = 'media'] = /^\/v\d+\.\d\/([^/]+)(\/messages|\/media)?$/.exec(pathname) ?? [];
    const edges = { '/messages': 'messages', '/media': 'upload', media: 'media' } as const;
    const what = pathname === '/attachments/' ? 'download' : edges[edge as keyof typeof edges];
    asked.push({ what, path: pathname, authorization, body });
    const struck = faults.find(({ fault, left }) => left > 0 && (fault.on ?? what) === what);
    if (struck !== undefined) {
      struck.left -= 1;
      const { fault } = struck;
      if (fault.do === 'refuse') throw refusal(fault.code, undefined, fault.status);
      if (fault.do === 'answer') return void response.writeHead(fault.status).end(fault.body);
      if (what === 'messages') take(body);
      return void request.socket.destroy();
    }
    if (authorization !== `Bearer ${token}`) throw refusal(190);
    if (what === 'download') {
      const file = files.get(searchParams.get('mid') ?? '');
      // It also refuses programs without a user agent.
      const isGiven = file !== undefined && now() <= Number(searchParams.get('ext')) && request.headers['user-agent'] !== undefined;
      return void (isGiven ? response.writeHead(200, { 'content-type': file.mimeType }).end(file.bytes) : response.writeHead(404).end());
    }
    if (what === 'media' && request.method === 'GET') return send(response, 200, linkTo(node));
    if (what === 'upload' && request.method === 'POST' && node === phoneNumberId) return send(response, 200, await upload(request, bytes));
    if (what === 'messages' && request.method === 'POST' && node === phoneNumberId) return send(response, 200, take(body));
    throw refusal(100, `Object with ID '${node}' does not exist`);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: Partial<Refusal>) => send(response, thrown.status ?? 500, { error: thrown.error }));
  });
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: origin(),
    phoneNumberId,
    asked,
    sent,
    deliver,
    deliverTo,
    subscribe,
    uploads,
    say,
    choose,
    status(id, status, more = {}) {
      const { to } = sent.find((one) => one.id === id) ?? { to: '0' };
      deliver({ statuses: [{ id, status, timestamp: String(Math.floor(now() / 1000)), recipient_id: to, ...more }] });
    },
    untaken: () => queue.length,
    media: (id, bytes, mimeType) => void files.set(id, { bytes, mimeType }),
    order: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    async close() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page by cursors; the last one has no `next`. */
function templatesPage(templates: Readonly<Record<string, number>>, query: URLSearchParams): object {
  const all = Object.entries(templates);
  const from = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? 25);
  const data = all.slice(from, from + limit).map(([key, count]) => {
    const [name, language] = key.split('/');
    const text = ['Заказ', ...Array.from({ length: count }, (_, n) => `{{${n + 1}}}`)].join(' ');
    return { id: key, name, language, status: 'APPROVED', category: 'UTILITY', components: [{ type: 'BODY', text }] };
  });
  const after = String(from + data.length);
  return {
    data,
    paging: { cursors: { before: String(from), after }, ...(from + limit < all.length && { next: 'https://graph.facebook.com/next' }) },
  };
}

/** The options of an accepted message, as a reply names them. */
function optionsIn(accepted: Json) {
  const message = Message.parse(accepted);
  if (message.type !== 'interactive') return [];
  if (message.interactive.type === 'button')
    return message.interactive.action.buttons.map(({ reply }) => ({ type: 'button_reply' as const, ...reply }));
  return message.interactive.action.sections.flatMap(({ rows }) => rows.map((row) => ({ type: 'list_reply' as const, ...row })));
}

/** The text of an accepted message: its body, or the caption of its file. */
function textIn(accepted: Json): string {
  const message = Message.parse(accepted);
  switch (message.type) {
    case 'text':
      return message.text.body;
    case 'interactive':
      return message.interactive.body.text;
    case 'image':
      return message.image.caption ?? '';
    case 'document':
      return message.document.caption ?? '';
    case 'template':
      return message.template.name;
  }
}

interface Refusal {
  readonly status: number;
  readonly error: object;
}
/** HTTP status and message of the error codes (…/cloud-api/support/error-codes). */
const known: Readonly<Record<number, readonly [number, string]>> = {
  100: [400, 'Invalid parameter'],
  190: [401, 'Invalid OAuth access token - Cannot parse access token'],
  130429: [429, 'Rate limit hit'],
  131009: [400, 'Parameter value is not valid'],
  131047: [400, 'Re-engagement message'],
  131053: [400, 'Media upload error'],
  131051: [400, 'Unsupported message type'],
  131056: [400, '(Business Account, Consumer Account) pair rate limit hit'],
  132000: [400, 'Number of parameters does not match the expected number of params'],
  132001: [404, 'Template name does not exist in the translation'],
};
function refusal(code: number, details?: string, status = known[code]?.[0] ?? 400): Error & Refusal {
  const message = `(#${code}) ${known[code]?.[1] ?? 'An error'}`;
  const error_data = { messaging_product: 'whatsapp', details: details ?? message };
  return Object.assign(new Error(message), { status, error: { message, type: 'OAuthException', code, error_data, fbtrace_id: 'Az8or2' } });
}
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
