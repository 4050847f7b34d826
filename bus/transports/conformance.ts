import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TransportBed } from '../../test/kit/transports.ts';
import { readHead } from '../wire/headers.ts';
import type { Arrived, Transport } from './transport.ts';

const block = (lines: string): string => `NATS/1.0\r\n${lines}\r\n\r\n`;
const text = (message: Arrived): string => Buffer.from(message.data).toString();

/** What the bus relies on, of every transport. */
export function transportConformance(open: () => Promise<TransportBed>): void {
  let bed: TransportBed;
  let a: Transport;
  let b: Transport;
  let subject: string;
  beforeEach(async () => {
    bed = await open();
    [a, b] = await Promise.all([bed.connect('anna'), bed.connect('boris')]);
    subject = `t${process.pid}.${Math.random().toString(36).slice(2)}`;
  });
  afterEach(async () => {
    await Promise.all([a.close(), b.close()]);
    await bed.close();
  });
  /** Subscribes, and resolves with the first `count` messages. */
  const hear = async (on: Transport, at: string, count: number, queue?: string): Promise<() => Promise<Arrived[]>> => {
    const got: Arrived[] = [];
    const done = Promise.withResolvers<Arrived[]>();
    on.subscribe(at, (message) => got.push(message) === count && done.resolve(got), queue === undefined ? {} : { queue });
    await on.flush();
    return () => done.promise;
  };

  test('an inbox names the user and differs between connections', async () => {
    const other = await bed.connect('anna');
    expect(a.inbox).toMatch(/^_INBOX\.anna\.[a-z0-9]+$/);
    expect(other.inbox).not.toBe(a.inbox);
    await other.close();
  });

  test('carries body, header block and reply subject unchanged', async () => {
    const heard = await hear(b, `${subject}.*`, 3);
    a.publish(`${subject}.x`, 'привет', block('A-b: 1\r\nc: d'), 'some.reply');
    a.publish(`${subject}.y`, new Uint8Array([0, 255, 13, 10]));
    a.publish(`${subject}.z`, '', block('a: 1'));
    const [first, second, third] = await heard();
    expect({ ...first, data: text(first as Arrived) }).toEqual({
      subject: `${subject}.x`,
      reply: 'some.reply',
      data: 'привет',
      headers: block('A-b: 1\r\nc: d'),
    });
    expect([...(second as Arrived).data]).toEqual([0, 255, 13, 10]);
    expect((second as Arrived).headers).toBe('');
    expect((third as Arrived).data.length).toBe(0);
  });

  test('keeps the order of what one side publishes', async () => {
    const heard = await hear(b, subject, 500);
    for (let n = 0; n < 500; n += 1) a.publish(subject, String(n));
    expect((await heard()).map(text)).toEqual(Array.from({ length: 500 }, (_, n) => String(n)));
  });

  test('gives each message to one member of a queue group', async () => {
    const got: string[] = [];
    const plain = await hear(a, subject, 100);
    for (const member of [a, b]) member.subscribe(subject, (message) => void got.push(text(message)), { queue: 'q' });
    await Promise.all([a.flush(), b.flush()]);
    for (let n = 0; n < 100; n += 1) a.publish(subject, String(n));
    await plain();
    await Promise.all([a.flush(), b.flush()]);
    expect(got.map(Number).sort((one, two) => one - two)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test('replies 503 at once without a listener', async () => {
    const heard = await hear(a, `${a.inbox}.*`, 1);
    a.publish(subject, 'anybody?', '', `${a.inbox}.7`);
    const [answer] = await heard();
    expect(answer?.subject).toBe(`${a.inbox}.7`);
    expect(answer?.data.length).toBe(0);
    expect(readHead(answer?.headers ?? '').status).toBe(503);
  });

  test('refuses a message above the limit, headers counted, and stays usable', async () => {
    const refused = { code: 'invalid_argument', reason: 'payload_too_large' };
    expect(() => a.publish(subject, new Uint8Array(a.maxPayload + 1))).toThrow(expect.objectContaining(refused));
    expect(() => a.publish(subject, new Uint8Array(a.maxPayload - 4), block('a: b'))).toThrow(expect.objectContaining(refused));
    const heard = await hear(b, subject, 1);
    a.publish(subject, 'still here');
    expect(text((await heard())[0] as Arrived)).toBe('still here');
  });

  test('continues when a receiver throws', async () => {
    b.subscribe(subject, () => {
      throw new TypeError('a fault in a receiver');
    });
    const heard = await hear(b, subject, 2);
    a.publish(subject, '1');
    a.publish(subject, '2');
    expect((await heard()).map(text)).toEqual(['1', '2']);
  });

  test('drain delivers earlier messages and no later ones', async () => {
    const got: string[] = [];
    const subscription = b.subscribe(subject, (message) => void got.push(text(message)));
    await b.flush();
    a.publish(subject, 'before');
    await a.flush();
    await subscription.drain();
    a.publish(subject, 'after');
    await Promise.all([a.flush(), b.flush()]);
    expect(got).toEqual(['before']);
    await subscription.drain();
    subscription.unsubscribe();
  });

  test('refuses to publish while disconnected, and has its subscriptions again when it reports the connection', async () => {
    const heard = await hear(b, subject, 1);
    const changes: boolean[] = [];
    const [down, up] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    b.onConnection((connected) => {
      changes.push(connected);
      (connected ? up : down).resolve();
    });
    const restore = bed.cut();
    await down.promise;
    expect(b.connected).toBe(false);
    expect(() => b.publish(subject, 'lost')).toThrow(expect.objectContaining({ code: 'unavailable', reason: 'not_connected' }));
    await expect(b.flush()).rejects.toMatchObject({ code: 'unavailable', reason: 'not_connected' });
    restore();
    await up.promise;
    expect(b.connected).toBe(true);
    const other = await bed.connect('cleo');
    other.publish(subject, 'kept');
    expect(text((await heard())[0] as Arrived)).toBe('kept');
    expect(changes).toEqual([false, true]);
    await other.close();
  });

  test('may be closed twice', async () => {
    await b.close();
    await b.close();
    expect(b.connected).toBe(false);
  });
}
