/**
 * A strict fake of the Telegram Bot API (core.telegram.org/bots/api), for tests and demos: updates wait until an offset confirms them,
 * one poller per bot, webhooks with secret and retries, files, limits, and faults on demand.
 * As a program: `node adapters/vendors/telegram/fake.ts --port 0 --token 1:AAA` prints its address. `POST /say {token, from, text}` sends a
 * customer's message, `POST /press {token, from, button}` presses the latest button of that text, `POST /contact {token, from, phone}` shares
 * the contact where it is requested, and `POST /screen {token, from}` returns the messages of the bot. With `times` the same update arrives
 * several times, or the button is pressed as often at once; `owner` is another user whose contact it is, and `isForwarded` forwards it.
 * `POST /business {from, text}` sends a customer's message to a business account of the bot, with `isOwner` the owner's reply to that customer.
 * `POST /voice?from=501` sends the body, Opus in OGG, as a customer's voice message.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { rateHz } from '../../../media/audio/g711.ts';
import { opusSamples } from '../../../media/audio/opus.ts';

/** A fault, once unless `times` says more. `after`: the work is done first. */
export interface Fault {
  readonly do: 'refuse' | 'cut' | 'garbage' | 'hang';
  /** `getUpdates`; every method if absent. */
  readonly on?: string;
  /** Requests about this chat; all if absent. */
  readonly to?: number;
  readonly after?: boolean;
  readonly status?: number;
  readonly description?: string;
  readonly retryAfterS?: number;
  readonly times?: number;
}
export interface TelegramRequest {
  readonly token: string;
  readonly method: string;
  readonly payload: Readonly<Record<string, unknown>>;
}
type Json = Readonly<Record<string, unknown>>;
/** The body of a request that stands for a customer. */
interface CustomerAct {
  readonly token?: string;
  readonly from?: number;
  readonly text?: string;
  readonly button?: string;
  readonly phone?: string;
  readonly times?: number;
  /** The Telegram user whose contact is shared. */
  readonly owner?: number;
  readonly isForwarded?: boolean;
  readonly isOwner?: boolean;
}
interface QueueItem {
  readonly update_id: number;
  readonly [field: string]: unknown;
}
interface Bot {
  nextUpdate: number;
  readonly queue: QueueItem[];
  allowed: readonly string[] | undefined;
  webhook: { readonly url: string; readonly secret: string | undefined } | undefined;
  /** Ends the open long poll. */
  interrupt: ((with409: boolean) => void) | undefined;
  readonly blocked: Set<number>;
  /** Business accounts: whether the bot may answer in their chats. */
  readonly connections: Map<string, boolean>;
  /** Messages of business accounts have their own numbers. */
  lastInBusiness: number;
  readonly floods: Flood[];
  readonly lastMessage: Map<number, number>;
  /** Messages of the bot, in their current version. */
  readonly messages: Message[];
  /** Presses that wait for their answer. */
  readonly pressed: Map<string, ButtonPress>;
}
/** The flood limit was exceeded: for one chat, or for the whole bot. It begins with the next message. */
interface Flood {
  readonly chatId: number | undefined;
  readonly seconds: number;
  /** Unix ms. */
  until: number | undefined;
}
interface Message {
  readonly chatId: number;
  readonly messageId: number;
  text: string;
  buttons: readonly Button[];
  /** Button of the reply keyboard that came with it and requests the contact. */
  readonly contactButton?: string | undefined;
  readonly file?: SentFile | undefined;
}
/** A file that a bot has sent; the text of its message is the caption. */
interface SentFile {
  readonly kind: 'photo' | 'document' | 'audio';
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}
interface Button {
  readonly text: string;
  readonly callback_data: string;
}
/** One press of a button, and the bot's answer to it. */
export interface ButtonPress {
  readonly id: string;
  answer?: { readonly text: string; readonly isAlert: boolean };
}
export interface TelegramFake {
  readonly url: string;
  /** Requests of bots, in order. */
  readonly asked: readonly TelegramRequest[];
  /** Messages that bots sent and customers received. */
  readonly sent: readonly { readonly chatId: number; readonly text: string; readonly messageId: number; readonly payload: Json }[];
  /** Queues an update for a bot, e.g. `{ message: … }`; returns its number. */
  update(token: string, fields: Json): number;
  /** A customer writes in a private chat; returns the number of the message. */
  say(token: string, from: number, text: string, more?: Json): number;
  /** A business account connects the bot, or changes its connection. */
  connect(token: string, owner: number, connectionId: string, is?: { readonly isEnabled?: boolean; readonly canReply?: boolean }): void;
  /** A message in a chat of a business account: by the customer, or by its owner when `from` is another person. */
  sayInBusiness(token: string, connectionId: string, customer: number, text: string, more?: Json): number;
  /** Numbers of unconfirmed updates. */
  unconfirmed(token: string): readonly number[];
  /** Restarts the numbers of updates, as Telegram does after a quiet week; an open long poll ends empty. */
  renumber(token: string, from: number): void;
  file(fileId: string, bytes: Uint8Array): void;
  order(fault: Fault): void;
  /** The bot's next message is refused with 429, and so is each further one until the time has passed; with a chat, only those to it. */
  flood(token: string, seconds: number, chatId?: number): void;
  /** Messages sent although their bot or chat had been told to wait. */
  tooEarly(): number;
  /** Messages of a bot in a chat, in their current version. */
  screen(token: string, chatId: number): readonly Readonly<Message>[];
  /** A person presses an existing button, by its text; a bad client may send other `data`. */
  press(token: string, from: number, message: Readonly<Message>, button: string, data?: string): Readonly<ButtonPress>;
  /** A person presses the button that requests their contact; with `more`, a bad client sends another one. */
  shareContact(token: string, from: number, phone: string, more?: Json): number;
  /** The same message, with its buttons, in another chat. */
  show(token: string, chatId: number, message: Readonly<Message>): Readonly<Message>;
  /** The message is deleted in its chat. */
  erase(token: string, message: Readonly<Message>): void;
  /** A group becomes a supergroup: its old id is refused with the new one. */
  move(from: number, to: number): void;
  /** The customer blocks the bot. */
  block(token: string, chatId: number): void;
  unblock(token: string, chatId: number): void;
  close(): Promise<void>;
}

/** Updates that are delivered only if they are requested (Bot API, getUpdates, allowed_updates). */
const onRequestOnly = ['chat_member', 'message_reaction', 'message_reaction_count'];

export async function telegramFake(options: { readonly tokens: readonly string[]; readonly port?: number }): Promise<TelegramFake> {
  const bots = new Map<string, Bot>(
    options.tokens.map((token) => [
      token,
      {
        nextUpdate: 100,
        queue: [],
        allowed: undefined,
        webhook: undefined,
        interrupt: undefined,
        blocked: new Set(),
        connections: new Map(),
        lastInBusiness: 0,
        floods: [],
        lastMessage: new Map(),
        messages: [],
        pressed: new Map(),
      },
    ]),
  );
  const [firstToken = ''] = options.tokens;
  const asked: TelegramRequest[] = [];
  const sent: { chatId: number; text: string; messageId: number; payload: Json }[] = [];
  const moved = new Map<number, number>();
  const files = new Map<string, Uint8Array>();
  const faults: { fault: Fault; left: number }[] = [];
  const stopping = new AbortController();
  const botOf = (token: string): Bot => {
    const bot = bots.get(token);
    if (!bot) throw new TypeError(`the fake has no bot ${token}`);
    return bot;
  };
  const messageId = (bot: Bot, chat: number): number => {
    const next = (bot.lastMessage.get(chat) ?? 0) + 1;
    bot.lastMessage.set(chat, next);
    return next;
  };

  const wants = ({ allowed }: Bot, update: QueueItem): boolean => {
    const type = Object.keys(update).find((name) => name !== 'update_id') ?? '';
    return allowed === undefined || allowed.length === 0
      ? !onRequestOnly.includes(type)
      : allowed.includes(type) || !knownTypes.includes(type);
  };
  function update(token: string, fields: Json): number {
    const bot = botOf(token);
    const one: QueueItem = { update_id: bot.nextUpdate, ...fields };
    if (!wants(bot, one)) return one.update_id;
    bot.nextUpdate += 1;
    bot.queue.push(one);
    bot.interrupt?.(false);
    void push(bot);
    return one.update_id;
  }
  /** Delivers to the webhook one by one, and repeats deliveries without a 2xx reply. */
  async function push(bot: Bot): Promise<void> {
    for (let tries = 0; bot.webhook !== undefined && tries < 50; tries += 1) {
      const [next] = bot.queue;
      if (next === undefined || stopping.signal.aborted) return;
      const { url, secret } = bot.webhook;
      const headers = {
        'content-type': 'application/json',
        ...(secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret }),
      };
      const isTaken = await fetch(url, { method: 'POST', headers, body: JSON.stringify(next), signal: stopping.signal }).then(
        (answer) => answer.ok,
        () => false, // The delivery is repeated.
      );
      const at = bot.queue.indexOf(next);
      if (isTaken && at >= 0) bot.queue.splice(at, 1);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function getUpdates(bot: Bot, payload: Json, response: ServerResponse): Promise<unknown> {
    if (bot.webhook)
      throw refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first");
    bot.interrupt?.(true);
    const {
      offset,
      limit = 100,
      timeout = 0,
      allowed_updates,
    } = payload as { offset?: number; limit?: number; timeout?: number; allowed_updates?: string[] };
    if (allowed_updates !== undefined) bot.allowed = allowed_updates;
    // Permanent: updates below the offset are not delivered again.
    if (offset !== undefined && offset > 0)
      bot.queue.splice(0, bot.queue.length, ...bot.queue.filter(({ update_id }) => update_id >= offset));
    const there = () =>
      (offset !== undefined && offset < 0
        ? bot.queue.slice(offset)
        : bot.queue.filter(({ update_id }) => update_id >= (offset ?? 0))
      ).slice(0, limit);
    if (there().length > 0 || timeout === 0) return there();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeout * 1000);
    const end = (with409: boolean) => resolve(with409);
    bot.interrupt = end;
    response.once('close', () => resolve(false));
    const conflict = await promise;
    clearTimeout(timer);
    if (bot.interrupt === end) bot.interrupt = undefined;
    if (conflict) throw refused(409, 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running');
    return there();
  }

  let tooEarly = 0;
  function waitOut({ floods }: Bot, chatId: number): void {
    const now = Date.now();
    const flood = floods.find((each) => (each.chatId ?? chatId) === chatId && now < (each.until ?? Number.POSITIVE_INFINITY));
    if (flood === undefined) return;
    if (flood.until !== undefined) tooEarly += 1;
    flood.until ??= now + flood.seconds * 1_000;
    const left = Math.ceil((flood.until - now) / 1_000);
    throw refused(429, `Too Many Requests: retry after ${left}`, { retry_after: left });
  }
  function sendMessage(bot: Bot, payload: Json): unknown {
    const { text } = payload as { text?: string };
    const isText = (): string => {
      if (typeof text !== 'string' || text === '') throw refused(400, 'Bad Request: message text is empty');
      if (text.length > 4096) throw refused(400, 'Bad Request: message is too long');
      return text;
    };
    return post(bot, payload, isText, undefined);
  }
  /** Bot API, sendPhoto, sendDocument and sendAudio, with the bytes of the file. */
  function sendFile(bot: Bot, payload: Json, kind: SentFile['kind']): unknown {
    const { caption = '', [kind]: file } = payload as { caption?: string } & Partial<Record<SentFile['kind'], Omit<SentFile, 'kind'>>>;
    const isCaption = (): string => {
      if (typeof file !== 'object' || file.bytes.length === 0) throw refused(400, `Bad Request: there is no ${kind} in the request`);
      if (kind === 'photo' && !file.contentType.startsWith('image/')) throw refused(400, 'Bad Request: IMAGE_PROCESS_FAILED');
      if (file.bytes.length > (kind === 'photo' ? 10_000_000 : 50_000_000)) throw refused(413, 'Request Entity Too Large');
      if (caption.length > 1024) throw refused(400, 'Bad Request: message caption is too long');
      return caption;
    };
    return post(bot, payload, isCaption, file && { ...file, kind });
  }
  function post(bot: Bot, payload: Json, textOf: () => string, file: SentFile | undefined): unknown {
    const { chat_id: to, business_connection_id: connection } = payload as { chat_id?: number | string; business_connection_id?: string };
    if (connection !== undefined && bot.connections.get(connection) !== true)
      throw refused(400, 'Bad Request: BUSINESS_CONNECTION_INVALID');
    const chatId = Number(to);
    if (!Number.isSafeInteger(chatId)) throw refused(400, 'Bad Request: chat not found');
    waitOut(bot, chatId);
    const movedTo = moved.get(chatId);
    if (movedTo !== undefined)
      throw refused(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: movedTo });
    if (bot.blocked.has(chatId)) throw refused(403, 'Forbidden: bot was blocked by the user');
    const text = textOf();
    const buttons = buttonsOf(payload);
    const contactButton = contactButtonOf(payload, chatId > 0 && connection === undefined);
    const id = connection === undefined ? messageId(bot, chatId) : ++bot.lastInBusiness;
    sent.push({ chatId, text, messageId: id, payload });
    const message = { chatId, messageId: id, text, buttons, contactButton, file };
    bot.messages.push(message);
    return asMessage(message);
  }
  function editMessageReplyMarkup(bot: Bot, payload: Json): unknown {
    const { chat_id: of, message_id: id } = payload as { chat_id?: number | string; message_id?: number };
    const message = bot.messages.find(({ chatId, messageId }) => chatId === Number(of) && messageId === id);
    if (!message) throw refused(400, 'Bad Request: message to edit not found');
    const buttons = buttonsOf(payload);
    if (JSON.stringify(message.buttons) === JSON.stringify(buttons)) throw refused(400, notModified);
    message.buttons = buttons;
    return asMessage(message);
  }
  function editMessageText(bot: Bot, payload: Json): unknown {
    const { chat_id: of, message_id: id, text } = payload as { chat_id?: number | string; message_id?: number; text?: string };
    const message = bot.messages.find(({ chatId, messageId }) => chatId === Number(of) && messageId === id);
    if (!message) throw refused(400, 'Bad Request: message to edit not found');
    if (typeof text !== 'string' || text === '') throw refused(400, 'Bad Request: message text is empty');
    if (text.length > 4096) throw refused(400, 'Bad Request: message is too long');
    const buttons = buttonsOf(payload);
    if (message.text === text && JSON.stringify(message.buttons) === JSON.stringify(buttons)) throw refused(400, notModified);
    Object.assign(message, { text, buttons });
    return asMessage(message);
  }
  function answerCallbackQuery(bot: Bot, payload: Json): unknown {
    const {
      callback_query_id: id,
      text = '',
      show_alert: isAlert = false,
    } = payload as { callback_query_id?: string; text?: string; show_alert?: boolean };
    const pressed = bot.pressed.get(String(id));
    if (!pressed) throw refused(400, 'Bad Request: query is too old and response timeout expired or query ID is invalid');
    if (text.length > 200) throw refused(400, 'Bad Request: MESSAGE_TOO_LONG');
    bot.pressed.delete(pressed.id);
    pressed.answer = { text, isAlert };
    return true;
  }

  async function call(token: string, method: string, payload: Json, response: ServerResponse): Promise<unknown> {
    const bot = bots.get(token);
    if (!bot) throw refused(401, 'Unauthorized');
    asked.push({ token, method, payload });
    switch (method) {
      case 'getMe':
        return { id: Number(token.split(':')[0]), is_bot: true, first_name: 'Bot', username: 'a_bot' };
      case 'getUpdates':
        return getUpdates(bot, payload, response);
      case 'setWebhook': {
        const {
          url = '',
          secret_token: secret,
          allowed_updates,
        } = payload as { url?: string; secret_token?: string; allowed_updates?: string[] };
        if (secret !== undefined && !/^[A-Za-z0-9_-]{1,256}$/.test(secret))
          throw refused(400, 'Bad Request: secret token contains unallowed characters');
        bot.webhook = url === '' ? undefined : { url, secret };
        if (allowed_updates !== undefined) bot.allowed = allowed_updates;
        bot.interrupt?.(true);
        void push(bot);
        return true;
      }
      case 'deleteWebhook':
        bot.webhook = undefined;
        if (payload.drop_pending_updates) bot.queue.length = 0;
        return true;
      case 'sendMessage':
        return sendMessage(bot, payload);
      case 'sendPhoto':
        return sendFile(bot, payload, 'photo');
      case 'sendDocument':
        return sendFile(bot, payload, 'document');
      case 'sendAudio':
        return sendFile(bot, payload, 'audio');
      case 'editMessageText':
        return editMessageText(bot, payload);
      case 'editMessageReplyMarkup':
        return editMessageReplyMarkup(bot, payload);
      case 'answerCallbackQuery':
        return answerCallbackQuery(bot, payload);
      case 'getFile': {
        const id = String(payload.file_id);
        const bytes = files.get(id);
        if (!bytes) throw refused(400, 'Bad Request: wrong file_id or the file is temporarily unavailable');
        return { file_id: id, file_unique_id: `u${id}`, file_size: bytes.length, file_path: `voice/${id}.oga` };
      }
      default:
        throw refused(404, 'Not Found');
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const body = await bodyOf(request);
    if (request.method === 'POST' && pathname === '/voice')
      return send(response, 200, { ok: true, result: sayAloud(Number(searchParams.get('from') ?? 42), body) });
    const act = request.method === 'POST' ? customers[pathname] : undefined;
    if (act !== undefined) return send(response, 200, { ok: true, result: act(JSON.parse(body.toString()) as CustomerAct) });
    const file = /^\/file\/bot([^/]+)\/voice\/(.+)\.oga$/.exec(pathname);
    if (file) {
      const bytes = files.get(file[2] ?? '');
      if (!bots.has(file[1] ?? '') || !bytes) return send(response, 404, { ok: false, error_code: 404, description: 'Not Found' });
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.end(bytes);
      return;
    }
    const [, token = '', method = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(pathname) ?? [];
    const payload = await payloadOf(request, body);
    const strikes = ({ on = method, to }: Fault): boolean => on === method && (to === undefined || String(to) === String(payload.chat_id));
    const struck = faults.find(({ fault, left }) => left > 0 && strikes(fault));
    if (struck) {
      struck.left -= 1;
      if (struck.fault.after) await call(token, method, payload, response);
      return goWrong(struck.fault, request, response);
    }
    const result = await call(token, method, payload, response);
    send(response, 200, { ok: true, result });
  }
  /** Acts of a customer, by path. */
  const customers: Readonly<Record<string, (act: CustomerAct) => unknown>> = {
    '/say': ({ token = firstToken, from = 42, text = '', times = 1 }) => {
      const id = say(token, from, text);
      const { queue } = botOf(token);
      queue.push(...queue.slice(-1).flatMap((update) => Array.from({ length: times - 1 }, () => update)));
      return id;
    },
    '/press': ({ token = firstToken, from = 42, button = '', times = 1 }) => {
      const shown = botOf(token).messages.findLast(({ chatId, buttons }) => chatId === from && buttons.some(({ text }) => text === button));
      if (shown === undefined) throw refused(400, `Bad Request: there is no button ${button} to press`);
      return Array.from({ length: times }, () => press(token, from, shown, button).id).at(-1);
    },
    '/contact': ({ token = firstToken, from = 42, phone = '', owner = from, isForwarded = false }) => {
      if (!isForwarded) return shareContact(token, from, phone, { user_id: owner });
      const origin = {
        type: 'user',
        date: Math.floor(Date.now() / 1000),
        sender_user: { id: owner, is_bot: false, first_name: 'Владелец' },
      };
      const contact = { phone_number: phone, first_name: 'Владелец', user_id: owner };
      return say(token, from, '', { text: undefined, contact, forward_origin: origin });
    },
    '/business': ({ token = firstToken, from = 42, text = '', isOwner = false }) => {
      const [owner, connection] = [900, 'business-900'];
      if (!botOf(token).connections.has(connection)) connect(token, owner, connection);
      const by = { from: { id: owner, is_bot: false, first_name: `Владелец ${owner}` } };
      return sayInBusiness(token, connection, from, text, isOwner ? by : {});
    },
    '/screen': ({ token = firstToken, from = 42 }) =>
      botOf(token)
        .messages.filter(({ chatId }) => chatId === from)
        .map(({ text, buttons, contactButton }) => ({ text, buttons: buttons.map((button) => button.text), contactButton })),
  };
  function say(token: string, from: number, text: string, more: Json = {}): number {
    const id = messageId(botOf(token), from);
    const person = { id: from, is_bot: false, first_name: `Клиент ${from}` };
    update(token, {
      message: {
        message_id: id,
        date: Math.floor(Date.now() / 1000),
        chat: { ...person, is_bot: undefined, type: 'private' },
        from: person,
        text,
        ...more,
      },
    });
    return id;
  }
  function sayAloud(from: number, recording: Buffer): number {
    const fileId = randomUUID();
    files.set(fileId, recording);
    const voice = {
      file_id: fileId,
      file_unique_id: fileId,
      duration: secondsOf(recording),
      mime_type: 'audio/ogg',
      file_size: recording.length,
    };
    return say(firstToken, from, '', { text: undefined, voice });
  }

  function connect(
    token: string,
    owner: number,
    connectionId: string,
    { isEnabled = true, canReply = true }: { isEnabled?: boolean; canReply?: boolean } = {},
  ): void {
    const bot = botOf(token);
    bot.connections.set(connectionId, isEnabled && canReply);
    const user = { id: owner, is_bot: false, first_name: `Владелец ${owner}` };
    const date = 1_790_000_000 + [...bot.connections.keys()].indexOf(connectionId);
    const rights = canReply ? { can_reply: true } : {};
    update(token, { business_connection: { id: connectionId, user, user_chat_id: owner, date, is_enabled: isEnabled, rights } });
  }
  function sayInBusiness(token: string, connectionId: string, customer: number, text: string, more: Json = {}): number {
    const bot = botOf(token);
    const person = { id: customer, is_bot: false, first_name: `Клиент ${customer}` };
    bot.lastInBusiness += 1;
    update(token, {
      business_message: {
        ...{ business_connection_id: connectionId, message_id: bot.lastInBusiness, date: Math.floor(Date.now() / 1000) },
        ...{ chat: { ...person, is_bot: undefined, type: 'private' }, from: person, text },
        ...more,
      },
    });
    return bot.lastInBusiness;
  }

  function shareContact(token: string, from: number, phone: string, more: Json = {}): number {
    const asking = botOf(token).messages.findLast(({ chatId, contactButton }) => chatId === from && contactButton !== undefined);
    if (asking === undefined) throw refused(400, 'Bad Request: no message requests the contact');
    const contact = { phone_number: phone, first_name: `Клиент ${from}`, user_id: from, ...more };
    return say(token, from, '', { text: undefined, contact, reply_to_message: asMessage(asking) });
  }
  function press(token: string, from: number, { chatId, messageId }: Readonly<Message>, button: string, data?: string): ButtonPress {
    const bot = botOf(token);
    const message = bot.messages.find((each) => each.chatId === chatId && each.messageId === messageId);
    const there = message?.buttons.find(({ text }) => text === button);
    if (message === undefined || (there === undefined && data === undefined)) throw new TypeError(`there is no button ${button} to press`);
    const pressed: ButtonPress = { id: `query${nextQuery++}` };
    bot.pressed.set(pressed.id, pressed);
    update(token, {
      callback_query: {
        id: pressed.id,
        from: { id: from, is_bot: false, first_name: `Сотрудник ${from}` },
        message: asMessage(message),
        chat_instance: String(chatId),
        data: data ?? there?.callback_data,
      },
    });
    return pressed;
  }
  // A system that outlives the fake knows the queries of an earlier one.
  let nextQuery = Date.now();

  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: Partial<Refusal>) => {
      const { status = 500, message = 'Internal Server Error', parameters } = thrown;
      send(response, status, { ok: false, error_code: status, description: message, ...(parameters ? { parameters } : {}) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    sent,
    update,
    say,
    connect,
    sayInBusiness,
    unconfirmed: (token) => botOf(token).queue.map(({ update_id }) => update_id),
    renumber: (token, from) => {
      const bot = botOf(token);
      bot.interrupt?.(false);
      bot.nextUpdate = from;
    },
    file: (fileId, bytes) => void files.set(fileId, bytes),
    order: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    flood: (token, seconds, chatId) => void botOf(token).floods.push({ chatId, seconds, until: undefined }),
    tooEarly: () => tooEarly,
    screen: (token, chatId) => botOf(token).messages.filter((message) => message.chatId === chatId),
    press,
    shareContact,
    show: (token, chatId, { text, buttons }) => {
      const bot = botOf(token);
      const message = { chatId, messageId: messageId(bot, chatId), text, buttons };
      bot.messages.push(message);
      return message;
    },
    erase: (token, { chatId, messageId }) => {
      const { messages } = botOf(token);
      messages.splice(
        messages.findIndex((each) => each.chatId === chatId && each.messageId === messageId),
        1,
      );
    },
    move: (from, to) => void moved.set(from, to),
    block: (token, chatId) => void botOf(token).blocked.add(chatId),
    unblock: (token, chatId) => void botOf(token).blocked.delete(chatId),
    async close() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const notModified =
  'Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message';

function asMessage({ chatId, messageId, text, buttons, file }: Message) {
  return {
    message_id: messageId,
    date: Math.floor(Date.now() / 1000),
    chat: { id: chatId, type: chatId > 0 ? 'private' : 'supergroup' },
    ...(file === undefined
      ? { text }
      : { caption: text, [file.kind]: file.kind === 'photo' ? [{ file_id: 'sent' }] : { file_id: 'sent' } }),
    ...(buttons.length === 0 ? {} : { reply_markup: { inline_keyboard: buttons.map((button) => [button]) } }),
  };
}
/** Bot API, KeyboardButton and ReplyKeyboardMarkup: a contact can be requested in a private chat of the bot itself. */
function contactButtonOf({ reply_markup: markup }: Json, isOwnPrivate: boolean): string | undefined {
  const { keyboard } = (markup ?? {}) as { keyboard?: readonly (readonly { text?: unknown; request_contact?: unknown }[])[] };
  const button = keyboard?.flat().find(({ request_contact: is }) => is === true);
  if (button === undefined) return undefined;
  if (!isOwnPrivate) throw refused(400, 'Bad Request: phone number can be requested in private chats only');
  if (typeof button.text !== 'string' || button.text === '') throw refused(400, 'Bad Request: keyboard button text must be non-empty');
  return button.text;
}
/** Bot API, InlineKeyboardMarkup: at most 100 buttons, each with 1 to 64 bytes of data. */
function buttonsOf({ reply_markup: markup }: Json): readonly Button[] {
  const { inline_keyboard: rows = [] } = (markup ?? {}) as { inline_keyboard?: readonly (readonly Button[])[] };
  const buttons = rows.flat();
  if (buttons.length > 100) throw refused(400, 'Bad Request: reply markup is too long');
  for (const { text, callback_data: data } of buttons) {
    if (typeof text !== 'string' || text === '')
      throw refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard");
    if (typeof data !== 'string' || data === '' || Buffer.byteLength(data) > 64) throw refused(400, 'Bad Request: BUTTON_DATA_INVALID');
  }
  return buttons;
}

const knownTypes = [
  ...[
    'message',
    'edited_message',
    'channel_post',
    'edited_channel_post',
    'business_connection',
    'business_message',
    'edited_business_message',
  ],
  ...['deleted_business_messages', 'message_reaction', 'message_reaction_count', 'inline_query', 'chosen_inline_result', 'callback_query'],
  ...['shipping_query', 'pre_checkout_query', 'poll', 'poll_answer', 'my_chat_member', 'chat_member', 'chat_join_request', 'chat_boost'],
];

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly parameters?: Json;
}
function refused(status: number, message: string, parameters?: Json): Error & Refusal {
  return Object.assign(new Error(message), { status, ...(parameters ? { parameters } : {}) });
}
function goWrong({ do: what, status = 429, description, retryAfterS }: Fault, request: IncomingMessage, response: ServerResponse): void {
  switch (what) {
    case 'refuse':
      send(response, status, {
        ok: false,
        error_code: status,
        description: description ?? (retryAfterS === undefined ? 'Bad Request' : `Too Many Requests: retry after ${retryAfterS}`),
        ...(retryAfterS === undefined ? {} : { parameters: { retry_after: retryAfterS } }),
      });
      return;
    case 'cut':
      request.socket.destroy();
      return;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>It works!</html>');
      return;
    case 'hang':
      return;
  }
}
/** @throws Refusal for anything but Opus in OGG, of which voice messages are (Bot API, Voice). */
function secondsOf(recording: Buffer): number {
  try {
    let samples = 0;
    for (const packet of opusSamples(recording)) samples += packet.length;
    return Math.round(samples / rateHz);
  } catch (error) {
    throw refused(400, `Bad Request: ${(error as Error).message}`);
  }
}
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
/** Parameters as JSON or as a multipart form, where structured ones are JSON texts (Bot API, Making requests). */
async function payloadOf({ headers }: IncomingMessage, body: Buffer): Promise<Json> {
  const type = headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return body.length === 0 ? {} : (JSON.parse(body.toString()) as Json);
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const entries = [...form].map(async ([name, value]) => {
    if (typeof value === 'string')
      return [name, /^(reply_markup|reply_parameters|message_thread_id)$/.test(name) ? JSON.parse(value) : value];
    return [name, { name: value.name, contentType: value.type, bytes: new Uint8Array(await value.arrayBuffer()) }];
  });
  return Object.fromEntries(await Promise.all(entries)) as Json;
}
function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, token: { type: 'string', multiple: true, default: ['1:AAA'] } },
  });
  const fake = await telegramFake({ tokens: values.token, port: Number(values.port) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake.close());
  console.log(fake.url);
}
