/** Tests that every channel must pass; each channel's test calls them with its own fake. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Content } from '../../contracts/content.ts';
import { Channel } from '../../contracts/inbox.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { draftOf } from './fixture.ts';
import type { ChannelAdapter, Intake, Sending, Update, WebhookRequest } from './port.ts';
import { storable } from './port.ts';

export interface ChannelUnderTest {
  readonly intake: Intake;
  readonly sending: Sending;
  /** The bot that receives and sends. */
  readonly botId: string;
  /** A customer who has written, by the channel's id. */
  readonly customer: string;
  /** A text of the customer as the channel delivers it; another message each time. */
  deliver(text: string): readonly Update[];
  readonly webhook?: {
    /** Bodies of deliveries as JSON: a text, a file, and more. */
    readonly bodies: readonly object[];
    /** Whether a body that was altered is still a delivery: it must be read, at least as unknown content, since a refusal is repeated without end. */
    isDelivery(altered: unknown): boolean;
    /** A genuine request with this body. */
    signed(body: string): WebhookRequest;
    /** Requests that only pretend to be this one. */
    forged(request: WebhookRequest): readonly WebhookRequest[];
  };
  readonly provider?: {
    /** Messages that the provider has accepted. */
    accepted(): readonly { readonly to: string; readonly text: string }[];
    /** Makes the provider refuse the next message, limit it, or break the connection after it was accepted. */
    fail(how: 'refused' | 'limited' | 'cut'): void;
    /** The last accepted message, as the customer sees it. */
    shown(): {
      readonly options: readonly { readonly id: string; readonly title: string }[];
      readonly asksContact: boolean;
      readonly file: Uint8Array | null;
    };
    /** A file that the provider has. */
    readonly file: { readonly id: string; readonly bytes: Uint8Array };
  };
  /** The customer chooses an option of a message, as the channel delivers it. */
  choose(option: { readonly id: string; readonly title: string }, messageExternalId: string): readonly Update[];
  stop(): Promise<void>;
}

/** @param has what the channel is expected to have, so that no test is left out unnoticed */
export function channelConformance(
  channel: ChannelAdapter,
  has: { readonly webhook: boolean; readonly provider: boolean; readonly contactButton: boolean },
  setup: () => Promise<ChannelUnderTest>,
): void {
  describe(`the channel ${channel.name}`, () => {
    let it: ChannelUnderTest;
    let intake: Intake;
    beforeAll(async () => {
      it = await setup();
      intake = it.intake;
    });
    afterAll(() => it.stop());
    const signal = AbortSignal.timeout(60_000);

    const parts = (updates: readonly Update[]) => updates.flatMap((update) => update.parts);
    const textsOf = (updates: readonly Update[]) => parts(updates).flatMap((part) => (part.is === 'message' ? [part.message] : []));
    const webhookOf = () => {
      if (it.webhook === undefined || intake.receive === undefined) throw new Error('the channel has no webhook');
      return { ...it.webhook, receive: (request: WebhookRequest) => intake.receive?.(request).batches ?? [] };
    };
    const providerOf = () => {
      if (it.provider === undefined) throw new Error('the channel has no provider');
      return it.provider;
    };
    const draft = (text: string, more: object = {}) =>
      draftOf({ channel: channel.name, botId: it.botId, to: it.customer, text, author: 'person', ...more });
    const send = (text: string, ref = text, more: object = {}, file?: Uint8Array) =>
      it.sending.deliver.attempt(draft(text, more), { ref, signal, file });
    const options = (count: number, title = (n: number) => `Вариант ${n}`) =>
      Array.from({ length: count }, (_, n) => ({ id: `o:${n}`, title: title(n) }));
    /** The options that the customer sees. */
    const offer = async (choices: object) => {
      const { choices: shown } = await send('Выберите', 'offer', { choices });
      const seen = shown === undefined || shown === null || shown.as === 'contact_request' ? [] : shown.options;
      const titled = seen.map(({ id, title }) => ({ id, title }));
      if (has.provider) expect(providerOf().shown().options).toEqual(titled);
      return titled;
    };
    const failure = (sending: Promise<unknown>): Promise<unknown> =>
      sending.then(
        () => Promise.reject(new Error('it was sent')),
        (error: unknown) => error,
      );

    test('is named as contracts and settings name channels, and has the parts that are tested', () => {
      expect(Channel.safeParse(channel.name).success).toBe(true);
      const settings = [channel.intake, channel.sending, channel.notices].flatMap((part) => Object.keys(part?.settings.shape ?? {}));
      expect(settings.filter((name) => !name.startsWith(`${channel.name.toUpperCase()}_`))).toEqual([]);
      expect([intake.receive !== undefined, intake.fetchFile !== undefined]).toEqual([has.webhook, has.provider]);
      expect(channel.personFields).not.toEqual([]);
    });

    test('reads a text with its author, chat and time, and the stored update again in the same way', () => {
      const updates = it.deliver('Здравствуйте 🌷');
      expect(updates).toHaveLength(1);
      const [message] = textsOf(updates);
      expect(message).toMatchObject({ text: 'Здравствуйте 🌷', kind: 'text', direction: 'in', editedAt: null });
      expect([message?.sender?.externalId, message?.sender?.firstRole]).toEqual([it.customer, 'client']);
      expect(message?.chat).toMatchObject({ externalId: it.customer, kind: 'private' });
      expect(Math.abs((message?.sentAt ?? 0) - Date.now())).toBeLessThan(86_400_000);
      for (const update of updates) expect(intake.read(it.botId, update.raw)).toEqual(update);
    });

    test('gives each message and its update an id of its own', () => {
      const [one = [], other = []] = [it.deliver('раз'), it.deliver('раз')];
      expect(one[0]?.externalId).not.toBe(other[0]?.externalId);
      expect(textsOf(one)[0]?.externalId).not.toBe(textsOf(other)[0]?.externalId);
    });

    test('replaces what PostgreSQL cannot store in a text', () => {
      const [message] = textsOf(it.deliver('a\0b\ud800c'));
      expect(message?.text).toBe('a\uFFFDb\uFFFDc');
    });

    test('states limits per recipient and per bot, each in a bucket of the channel', () => {
      const buckets = it.sending.quotas(draft('x'));
      expect(buckets.filter(({ bucket }) => !bucket.startsWith(`${channel.name}:`))).toEqual([]);
      expect(new Set(buckets.map(({ bucket }) => bucket)).size).toBe(buckets.length);
      const others = it.sending.quotas(draft('x', { to: `${it.customer}0` })).map(({ bucket }) => bucket);
      const shared = buckets.filter(({ bucket }) => others.includes(bucket));
      expect([buckets.length - shared.length, shared.length]).toEqual(has.provider ? [1, 1] : [0, 0]);
    });

    test('returns what was sent, as the contract states it', async () => {
      const output = await send('Добрый день', 'ref-1');
      expect(messages.deliver.output.parse(output)).toEqual(output);
      expect(output).toMatchObject({ to: it.customer, text: 'Добрый день', externalId: expect.any(String) });
      expect(Math.abs(Date.parse(output.at ?? '') - Date.now())).toBeLessThan(86_400_000);
    });

    if (channel.choices !== undefined) {
      const { buttons, list } = channel.choices;
      test('shows as many options as it states, in their order', async () => {
        for (const [as, count] of [
          ['buttons', 1],
          ['buttons', buttons],
          ['list', list],
        ] as const)
          expect(await offer({ as, ...(as === 'list' ? { button: 'Открыть' } : {}), options: options(count) })).toEqual(options(count));
      });

      if (list < 100)
        test('of more options than fit, shows the first ones and one that asks for the rest', async () => {
          const all = options(25);
          const more = { id: `m:${list - 1}`, title: 'Дальше' };
          for (const choices of [{ as: 'buttons' }, { as: 'list', button: 'Открыть' }])
            expect(await offer({ ...choices, options: all, moreId: 'm', moreTitle: 'Дальше' })).toEqual([...all.slice(0, list - 1), more]);
        });

      test.each([
        ['of the greatest length, alike at their start', (n: number) => `${'ж'.repeat(62)}${n}`],
        ['of emoji only', (n: number) => '👩‍👩‍👧‍👦'.repeat(4 + (n % 2))],
        ['written from right to left', (n: number) => `שלום ${n}`],
        ['with markup', (n: number) => `<b>*_${n}_*</b>`],
      ])('shows titles %s, each a distinct one', async (_, title) => {
        for (const choices of [
          { as: 'buttons', options: options(2, title) },
          { as: 'list', button: 'Открыть', options: options(2, title) },
        ]) {
          const shown = await offer(choices);
          expect(shown.map(({ id }) => id)).toEqual(['o:0', 'o:1']);
          expect(new Set(shown.map((each) => each.title)).size).toBe(2);
          expect(shown.filter((each) => each.title !== each.title.toWellFormed())).toEqual([]);
        }
      });

      test('reads a chosen option with its id and title, and as a message where the channel sends one', () => {
        const read = parts(it.choose({ id: 'o:7', title: 'В 10:00' }, '77'));
        const [press] = read.flatMap((part) => (part.is === 'button' ? [part.press] : []));
        expect(press).toMatchObject({ data: 'o:7', title: 'В 10:00', chatExternalId: it.customer, person: { externalId: it.customer } });
        expect([null, '77']).toContain(press?.messageExternalId);
        const [message] = read.flatMap((part) => (part.is === 'message' ? [part.message] : []));
        expect(message?.externalId ?? null).toBe(press?.pressExternalId);
        if (message !== undefined) expect(message.content).toMatchObject([{ type: 'choice', id: 'o:7', title: 'В 10:00' }]);
        expect(press?.queryId === null).toBe(it.sending.settlePress === undefined);
      });
    }

    test('requests the contact of the customer with a button if it has one, and else sends the text', async () => {
      const { text, choices } = await send('Ваш телефон?', 'contact', { choices: { as: 'contact_request', title: 'Отправить' } });
      expect(text).toBe('Ваш телефон?');
      if (!has.provider) return;
      expect([providerOf().shown().asksContact, choices?.as === 'contact_request']).toEqual([has.contactButton, has.contactButton]);
    });

    if (channel.media !== undefined)
      test.each([
        ['image', 'image/png'],
        ['image', 'image/webp'],
        ['document', 'application/pdf'],
        ['audio', 'audio/ogg'],
      ])('sends the %s %s with its text', async (kind, contentType) => {
        const bytes = Buffer.from('%PDF\0\r\n--boundary\xff', 'latin1');
        const media = { kind, blob: { blobId: 'blob_1', bytes: bytes.length, contentType }, name: 'Прайс "май".pdf' };
        const output = await send('Наш прайс', `media ${contentType}`, { media }, bytes);
        expect(output).toMatchObject({ text: 'Наш прайс', externalId: expect.any(String) });
        if (!has.provider) return;
        expect(Buffer.from(providerOf().shown().file ?? []).toString('hex')).toBe(bytes.toString('hex'));
        expect(providerOf().accepted().at(-1)).toEqual({ to: it.customer, text: 'Наш прайс' });
      });

    if (has.webhook) {
      test('accepts a genuine delivery, also twice with the same ids', () => {
        const { bodies, signed, receive } = webhookOf();
        for (const body of bodies) {
          const [first, again] = [receive(signed(JSON.stringify(body))), receive(signed(JSON.stringify(body)))];
          expect(first.map(({ botId }) => botId)).toEqual(first.map(() => it.botId));
          expect(parts(first.flatMap(({ updates }) => updates)).length).toBeGreaterThan(0);
          expect(again).toEqual(first);
        }
      });

      test('refuses a forged delivery', () => {
        const { bodies, signed, forged, receive } = webhookOf();
        const requests = forged(signed(JSON.stringify(bodies[0])));
        expect(requests.length).toBeGreaterThan(1);
        for (const request of requests)
          expect(() => receive(request)).toThrow(expect.objectContaining({ code: 'permission_denied', reason: 'bad_signature' }));
      });

      test.each(['', 'canary', '[]', '{"canary":1}', '"canary"', 'null'])('refuses the body %s without quoting it', (body) => {
        const { signed, receive } = webhookOf();
        let thrown: unknown;
        try {
          receive(signed(body));
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toMatchObject({ name: 'PolybError', code: 'invalid_argument' });
        expect(String((thrown as Error).message)).not.toContain('canary');
      });

      test('reads or refuses a delivery in which any one field has another type or is missing, and never breaks', async () => {
        const { bodies, isDelivery, signed, receive } = webhookOf();
        const isRefused = (error: unknown) => isPolybError(error) && error.code === 'invalid_argument';
        let read = 0;
        for (const body of bodies)
          for (const altered of variantsOf(body)) {
            // Idle connections of other tests end meanwhile; a busy thread would learn it only when it uses one.
            if (read % 100 === 0) await nextTurn();
            try {
              const updates = receive(signed(JSON.stringify(altered))).flatMap((batch) => batch.updates);
              for (const update of updates) expectStorable(update);
              read += 1;
            } catch (error) {
              if (!isRefused(error) || isDelivery(altered)) throw error;
            }
          }
        expect(read).toBeGreaterThan(bodies.length * 20);
      });
    }

    if (has.provider) {
      test('hands the message to the provider once, with its text unchanged', async () => {
        const { accepted } = providerOf();
        const before = accepted().length;
        const text = '<b>не жирный</b> *и не это* 🌷\nвторая строка';
        await send(text);
        expect(accepted().slice(before)).toEqual([{ to: it.customer, text }]);
      });

      test.each([
        ['refused', { code: 'failed_precondition', outcome: 'not_executed', reason: expect.any(String) }],
        ['limited', { code: 'resource_exhausted', outcome: 'not_executed', retryAfterMs: expect.any(Number) }],
        // The provider may have sent it: another attempt could send it twice.
        ['cut', { outcome: 'unknown' }],
      ] as const)('a message that is %s says whether it may have been sent', async (how, expected) => {
        providerOf().fail(how);
        expect(await failure(send(how))).toMatchObject({ name: 'PolybError', ...expected });
      });

      test('fetches a file, and refuses one that is too large or unknown', async () => {
        const { id, bytes } = providerOf().file;
        const fetch = (file: string, maxBytes = 1_000_000) =>
          intake.fetchFile?.(it.botId, file, { maxBytes, signal }).then((body) => Buffer.from(body).toString('hex'));
        expect(await fetch(id)).toBe(Buffer.from(bytes).toString('hex'));
        await expect(fetch(id, bytes.length - 1)).rejects.toMatchObject({ reason: 'reply_too_large' });
        await expect(fetch(`${id}0`)).rejects.toMatchObject({ name: 'PolybError' });
      });
    }
  });
}

/** Every value that results from replacing or removing one part of this one. */
function* variantsOf(value: unknown): Generator<unknown> {
  for (const other of [null, -7, 1e300, 'x', '\ud800\0', true, [], {}, 'x'.repeat(5_000)]) yield other;
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  const made = (fields: readonly (readonly [string, unknown])[]) =>
    Array.isArray(value) ? fields.map(([, item]) => item) : Object.fromEntries(fields);
  for (const [at, [name, child]] of entries.entries()) {
    yield made(entries.toSpliced(at, 1));
    for (const variant of variantsOf(child)) yield made(entries.toSpliced(at, 1, [name, variant]));
  }
}

/** The update fits the contract and the columns of the collector. */
function expectStorable({ externalId, raw, parts }: Update): void {
  expect(externalId.length > 0 && externalId.length <= 128 && raw === raw.toWellFormed()).toBe(true);
  for (const part of parts) {
    if (part.is === 'button') {
      const { data, title, chatExternalId, messageExternalId, queryId, pressExternalId } = part.press;
      expect([data, title ?? ''].filter((each, n) => each !== storable(each) || each.length > (n === 0 ? 256 : 64))).toEqual([]);
      const ids = [chatExternalId, messageExternalId, queryId, pressExternalId].filter((id) => id !== null);
      expect(ids.filter((id) => id.length === 0 || id.length > 128)).toEqual([]);
    }
    if (part.is !== 'message') continue;
    const { chat, sender, text, content, sentAt, files } = part.message;
    const ids = [chat.externalId, part.message.externalId, ...(sender === null ? [] : [sender.externalId])];
    expect(ids.filter((id) => id.length === 0 || id.length > 128)).toEqual([]);
    expect([text, sender?.name, sender?.username, chat.title].filter((each) => each && each !== storable(each))).toEqual([]);
    expect([sender?.name ?? '', chat.title ?? ''].filter((each) => each.length > 300)).toEqual([]);
    expect(content.length <= 100 && content.every((one) => Content.safeParse(one).success)).toBe(true);
    expect(Number.isNaN(new Date(sentAt).getTime())).toBe(false);
    expect(files.filter(({ bytes, durationMs }) => (bytes ?? 0) < 0 || (durationMs ?? 0) < 0)).toEqual([]);
  }
}
