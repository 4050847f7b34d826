/** What a channel posts to its webhook, and what somebody else would. */
import { createHmac } from 'node:crypto';
import type { Random } from './random.ts';

type Channel = 'telegram' | 'whatsapp';
export interface Post {
  readonly channel: Channel;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Undefined for what is forged. */
  readonly nth: number | undefined;
}

export const telegramToken = '7001:AAAA-test';
export const telegramSecret = 'the-secret-of-today-0001';
export const whatsappSecret = 'app-secret-of-today';
const oldTelegramSecret = 'the-secret-of-yesterday-0001';
const oldWhatsappSecret = 'app-secret-of-yesterday';
const secretHeader = 'x-telegram-bot-api-secret-token';
const signatureHeader = 'x-hub-signature-256';
const people = 50;

export const textOf = (nth: number): string => `genuine ${nth}`;

/** Telegram and WhatsApp in turns. */
export function genuine(nth: number): Post {
  if (nth % 2 === 0) return { channel: 'telegram', nth, body: telegramBody(nth, textOf(nth)), headers: { [secretHeader]: telegramSecret } };
  const body = whatsappBody(nth, textOf(nth));
  return { channel: 'whatsapp', nth, body, headers: { [signatureHeader]: signatureOf(body, whatsappSecret) } };
}

/** With a proof that is missing, wrong or of yesterday; or with the right one of other bytes. */
export function forged(random: Random, nth: number): Post {
  const other = 10_000_000 + nth;
  const text = `forged ${nth}`;
  const telegram = (headers: Post['headers']): Post => ({ channel: 'telegram', nth: undefined, body: telegramBody(other, text), headers });
  const body = whatsappBody(other, text);
  const whatsapp = (headers: Post['headers'], of = body): Post => ({ channel: 'whatsapp', nth: undefined, body: of, headers });
  const right = signatureOf(body, whatsappSecret);
  const captured = genuine(2 * nth + 1);
  return random.pick([
    () => telegram({}),
    () => telegram({ [secretHeader]: oldTelegramSecret }),
    () => telegram({ [secretHeader]: `${telegramSecret.slice(0, -1)}2` }),
    () => telegram({ [secretHeader]: telegramSecret.toUpperCase() }),
    () => telegram({ [secretHeader]: telegramToken }),
    () => whatsapp({}),
    () => whatsapp({ [signatureHeader]: signatureOf(body, oldWhatsappSecret) }),
    () => whatsapp({ [signatureHeader]: right.slice(0, -2) }),
    () => whatsapp({ [signatureHeader]: right.replace('sha256=', '') }),
    () => whatsapp({ [signatureHeader]: `sha1=${createHmac('sha1', whatsappSecret).update(body).digest('hex')}` }),
    () => whatsapp({ [signatureHeader]: right }, Buffer.concat([body, Buffer.from(' ')])),
    () => whatsapp({ [signatureHeader]: right }, withOneBitTurned(random, body)),
    () => ({ ...captured, nth: undefined, body: withOneBitTurned(random, captured.body) }),
  ])();
}

/** The proof that a door which asks for none would need to get anything in. */
export function proofOf(body: Buffer): Readonly<Record<string, string>> {
  return { [secretHeader]: telegramSecret, [signatureHeader]: signatureOf(body, whatsappSecret) };
}

const signatureOf = (body: Buffer, key: string): string => `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;

function withOneBitTurned(random: Random, body: Buffer): Buffer {
  const at = random.int(0, body.length - 1);
  return Buffer.from(body.map((byte, nth) => (nth === at ? byte ^ (1 << random.int(0, 7)) : byte)));
}

function telegramBody(nth: number, text: string): Buffer {
  const person = { id: 1_000 + (nth % people), first_name: 'Клиент' };
  const message = {
    message_id: nth + 1,
    date: 1_780_000_000 + nth,
    chat: { ...person, type: 'private' },
    from: { ...person, is_bot: false },
    text,
  };
  return Buffer.from(JSON.stringify({ update_id: nth + 1, message }));
}
function whatsappBody(nth: number, text: string): Buffer {
  const from = `7999000${String(nth % people).padStart(4, '0')}`;
  const messages = [{ from, id: `wamid.${nth}`, timestamp: String(1_780_000_000 + nth), type: 'text', text: { body: text } }];
  const value = {
    messaging_product: 'whatsapp',
    metadata: { phone_number_id: '5550001' },
    contacts: [{ profile: { name: 'Анна' }, wa_id: from }],
    messages,
  };
  return Buffer.from(
    JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] }),
  );
}
