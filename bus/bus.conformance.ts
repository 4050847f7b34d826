import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PolybError } from '../contracts/kit/errors.ts';
import { hang, type ShopBed, shopBed, shopContract, until } from '../test/kit/bed.ts';
import type { TransportBed } from '../test/kit/transports.ts';
import type { Wire } from './call.ts';
import type { Context, FinishedCall, RecordListener } from './service.ts';
import { createLocalEndpoints } from './transports/in-process.ts';
import type { Arrived, Transport } from './transports/transport.ts';
import { headerBlock, readHead } from './wire/headers.ts';

const person = { firstName: 'Anna', phoneNumber: '+79995553322' };

/** Calls on any transport. */
export function busConformance(openTransports: () => Promise<TransportBed>): void {
  let bed: ShopBed;
  beforeEach(async () => {
    bed = await shopBed(openTransports);
  });
  afterEach(() => bed.close());

  /** Sends bytes as a tool without PolyB's code does. */
  async function raw(): Promise<{
    transport: Transport;
    ask(name: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<Arrived>;
  }> {
    const transport = await bed.transports.connect('guest');
    let n = 0;
    return {
      transport,
      ask: async (name, body, headers = {}) => {
        n += 1;
        const reply = `${transport.inbox}.${n}`;
        const got = new Promise<Arrived>((resolve) => void transport.subscribe(reply, resolve));
        await transport.flush();
        transport.publish(`${bed.prefix}.rpc.${bed.shop.add.service}.${name}`, body, headerBlock(headers), reply);
        return got;
      },
    };
  }
  const json = (message: Arrived): unknown => JSON.parse(Buffer.from(message.data).toString());

  describe('a call', () => {
    test('gets a reply, and both sides record it in one trace', async () => {
      const shop = await bed.serve();
      const bus = await bed.bus('till');
      expect(await bus.call(bed.shop.add, { a: 2, b: 3 })).toEqual({ sum: 5 });
      const [asked] = bus.records();
      const [served] = shop.records();
      expect(asked).toMatchObject({ side: 'client', address: bed.shop.add.address, code: 'ok', service: 'till', parentId: '' });
      expect(served).toMatchObject({ side: 'server', address: bed.shop.add.address, code: 'ok', service: 'shop', caller: 'till' });
      expect(served?.traceId).toBe(asked?.traceId);
      expect(served?.parentId).toBe(asked?.spanId);
      expect(shop.stats().find(({ address }) => address === bed.shop.add.address)).toMatchObject({
        requests: 1,
        errors: 0,
        inFlight: 0,
        codes: { ok: 1 },
      });
    });

    test('is shared between the instances of a service', async () => {
      const by = new Map<string, number>();
      for (const name of ['one', 'two'])
        await bed.serve({
          add: async ({ a, b }) => {
            by.set(name, (by.get(name) ?? 0) + 1);
            return { sum: a + b };
          },
        });
      const bus = await bed.bus('till');
      await Promise.all(Array.from({ length: 60 }, (_, n) => bus.call(bed.shop.add, { a: n, b: 1 })));
      expect((by.get('one') ?? 0) + (by.get('two') ?? 0)).toBe(60);
      expect(Math.min(...by.values())).toBeGreaterThan(5);
    });

    test('with an invalid input fails with the field, the expectation and a masked value, and no handler runs', async () => {
      let ran = 0;
      await bed.serve({
        greet: async () => {
          ran += 1;
          return { text: '' };
        },
      });
      const bus = await bed.bus('till');
      const wrong = { firstName: 'Anna', phoneNumber: '12-34', friend: '+79995553322' } as never;
      const error = await bus.call(bed.shop.greet, wrong).catch((thrown) => thrown as PolybError);
      expect(error).toMatchObject({
        code: 'invalid_argument',
        outcome: 'not_executed',
        message: `Bad input for ${bed.shop.greet.address}: phoneNumber: expected E.164, e.g. +79995553322; friend: expected no such field`,
        data: {
          issues: [
            { pointer: '/phoneNumber', expected: 'E.164, e.g. +79995553322', given: '***' },
            { pointer: '/friend', expected: 'no such field', given: '***' },
          ],
        },
      });
      expect(ran).toBe(0);
    });

    test('names at most 20 invalid fields', async () => {
      await bed.serve();
      const bus = await bed.bus('till');
      const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`field${n}`, n])) as never;
      const error = await bus.call(bed.shop.add, many).catch((thrown) => thrown as PolybError);
      expect((error as PolybError).data).toMatchObject({ issues: { length: 20 } });
    });

    test('passes the parsed input to the handler and only the fields of the contract to the caller', async () => {
      await bed.serve({ greet: async ({ phoneNumber }) => ({ text: phoneNumber, secret: 'x' }) });
      const bus = await bed.bus('till');
      expect(await bus.call(bed.shop.greet, { ...person, phoneNumber: '8 (999) 555-33-22' })).toEqual({ text: '+79995553322' });
    });

    test('whose output breaks the contract is an internal error without further detail for the caller', async () => {
      await bed.serve({ add: async () => ({ sum: 'secret' }) as never });
      const bus = await bed.bus('till');
      const error = await bus.call(bed.shop.add, { a: 1, b: 1 }).catch((thrown) => thrown as PolybError);
      expect(error).toMatchObject({ code: 'internal', reason: 'bad_output' });
      expect(JSON.stringify(error)).not.toContain('secret');
      expect(bed.lines.some(({ level }) => level === 'error')).toBe(true);
    });

    test.each([
      [
        'throws',
        () => {
          throw new RangeError('password=1');
        },
      ],
      [
        'rejects',
        async () => {
          throw new RangeError('password=1');
        },
      ],
      ['rejects with nothing', () => Promise.reject(undefined)],
    ])('whose handler %s is an internal error with a fixed message, and the service goes on', async (_, add) => {
      const shop = await bed.serve({ add: add as never });
      const bus = await bed.bus('till');
      const error = await bus.call(bed.shop.add, { a: 1, b: 1 }).catch((thrown) => thrown as PolybError);
      expect(error).toMatchObject({ code: 'internal', outcome: 'unknown', message: 'The service failed; its log has the cause.' });
      expect(bed.lines).toContainEqual({
        level: 'error',
        message: 'a handler failed',
        facts: expect.objectContaining({ method: bed.shop.add.address }),
      });
      expect(await bus.call(bed.shop.single, {})).toEqual({});
      expect(shop.stats().find(({ address }) => address === bed.shop.add.address)).toMatchObject({
        requests: 1,
        errors: 1,
        codes: { internal: 1 },
      });
    });

    test('carries code, reason, data, retry delay and outcome of a thrown failure', async () => {
      const failure = { reason: 'asleep', data: { until: 7 }, retryAfterMs: 5, outcome: 'unknown' as const };
      await bed.serve({ greet: () => Promise.reject(new PolybError('failed_precondition', 'Спит до 7: wait', failure)) });
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.greet, person)).rejects.toMatchObject({
        code: 'failed_precondition',
        message: 'Спит до 7: wait',
        ...failure,
      });
    });

    test('carries no personal data or credential in a failure, to its caller or to the log', async () => {
      const said = `${person.firstName} of ${person.phoneNumber}: Bearer canary-7731`;
      await bed.serve({ greet: () => Promise.reject(new PolybError('conflict', said, { data: { said } })) });
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.greet, person)).rejects.toMatchObject({
        code: 'conflict',
        message: '*** of ***3322: Bearer ***',
        data: { said: '*** of ***3322: Bearer ***' },
      });
      expect(JSON.stringify(bed.lines)).not.toContain('canary');
    });

    test('by hand needs no header, and an error reply has the headers of the micro protocol', async () => {
      await bed.serve();
      const hand = await raw();
      expect(json(await hand.ask('add', '{"a":1,"b":2}'))).toEqual({ sum: 3 });
      const refused = await hand.ask('add', '{"a":"x","b":2}');
      expect(refused.headers).toContain(`Nats-Service-Error: Bad input for ${bed.shop.add.address}: a: expected`);
      expect(refused.headers).toContain('Nats-Service-Error-Code: 400\r\n');
      expect(readHead(refused.headers)).toMatchObject({ code: 'invalid_argument', contentType: 'application/problem+json' });
      expect(json(refused)).toMatchObject({
        type: 'urn:polyb:problem:invalid-argument',
        status: 400,
        code: 'invalid_argument',
        retryable: false,
      });
      await hand.transport.close();
    });

    test('with any malformed body is refused, and the next call is served', async () => {
      await bed.serve();
      const hand = await raw();
      const bodies = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json({ maxDepth: 30 }), fc.string({ unit: 'binary' }));
      await fc.assert(
        fc.asyncProperty(bodies, fc.boolean(), async (body, packed) => {
          const answer = await hand.ask('add', body, packed ? { 'content-type': 'application/msgpack' } : {});
          expect(['invalid_argument', '']).toContain(readHead(answer.headers).code);
          if (readHead(answer.headers).code === '') expect(json(answer)).toEqual({ sum: expect.any(Number) });
        }),
        { numRuns: 60 },
      );
      expect(json(await hand.ask('add', '{"a":1,"b":2}'))).toEqual({ sum: 3 });
      await hand.transport.close();
    });

    test('without a reply inbox is dropped and counted', async () => {
      let ran = 0;
      const shop = await bed.serve({
        add: async () => {
          ran += 1;
          return { sum: 0 };
        },
      });
      const hand = await raw();
      const subject = `${bed.prefix}.rpc.${bed.shop.add.service}.add`;
      hand.transport.publish(subject, '{"a":1,"b":2}');
      hand.transport.publish(subject, '{"a":1,"b":2}', '', `${bed.prefix}.rpc.${bed.shop.add.service}.quick`);
      await until(() => shop.stats().some(({ dropped }) => dropped === 2));
      expect(ran).toBe(0);
      await hand.transport.close();
    });

    test('with the reply inbox of another user is dropped and counted, and an entry with roles takes no call without a proven caller', async () => {
      const callers: string[] = [];
      const noted = async (_: unknown, { caller }: Context) => {
        callers.push(caller);
        return {};
      };
      const shop = await bed.serve({ quick: noted, staff_only: noted });
      const [hand, till] = [await raw(), await bed.transports.connect('till')];
      const subject = `${bed.prefix}.rpc.${bed.shop.add.service}.quick`;
      till.publish(`${subject}.by.till`, '', '', '_INBOX.gateway.abc.1');
      till.publish(`${subject}.by.till`, '', '', '_INBOX.till2.abc.1');
      hand.transport.publish(subject, '', '', '_INBOX.gateway.abc.1');
      till.publish(`${subject}.by.till`, '', '', `${till.inbox}.1`);
      expect(json(await hand.ask('quick', ''))).toEqual({});
      expect((await hand.ask('staff_only', '')).headers).toContain('503');
      await until(() => shop.stats().some(({ dropped }) => dropped === 3) && callers.length === 2);
      expect(callers.toSorted()).toEqual(['guest', 'till']);
      await Promise.all([hand.transport.close(), till.close()]);
    });

    test('too large to send fails at the caller, and a reply too large to send is a typed error', async () => {
      await bed.serve({ greet: async () => ({ text: 'x'.repeat(1_100_000) }) });
      const bus = await bed.bus('till');
      const tooLarge = { code: 'invalid_argument', reason: 'payload_too_large' };
      await expect(bus.call(bed.shop.greet, { ...person, firstName: 'x'.repeat(1_100_000) })).rejects.toMatchObject({
        ...tooLarge,
        outcome: 'not_executed',
      });
      await expect(bus.call(bed.shop.greet, person)).rejects.toMatchObject({ ...tooLarge, outcome: 'unknown' });
    });

    test('carries bytes unchanged, and as base64 to a caller that sent JSON', async () => {
      await bed.serve();
      const bus = await bed.bus('till');
      const data = Uint8Array.from({ length: 256 }, (_, n) => n);
      const copied = await bus.call(bed.shop.copy, { data, name: 'ы' });
      expect([...copied.data]).toEqual([...data]);
      const hand = await raw();
      const answer = await hand.ask('copy', JSON.stringify({ data: Buffer.from(data).toString('base64'), name: '' }));
      expect(json(answer)).toEqual({ data: Buffer.from(data).toString('base64') });
      await hand.transport.close();
    });
  });

  describe('a deadline', () => {
    test('ends the wait and fires the signal of a handler that never answers', async () => {
      const reasons: unknown[] = [];
      await bed.serve({
        quick: async (_, { signal }) => {
          await hang(signal).catch((reason) => reasons.push(reason.code));
          return hang(new AbortController().signal);
        },
      });
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.quick, {})).rejects.toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown' });
      await until(() => reasons.length === 1);
      expect(reasons).toEqual(['deadline_exceeded']);
    });

    test('that passes while the request is queued drops it unread; the clocks may differ by 250 ms', async () => {
      let ran = 0;
      const shop = await bed.serve({
        add: async () => {
          ran += 1;
          return { sum: 0 };
        },
      });
      const hand = await raw();
      const sent = (agoMs: number) => ({ 'Polyb-Timeout-MS': '1000', 'POLYB-SENT-AT': String(Date.now() - agoMs) });
      expect(json(await hand.ask('add', '{"a":1,"b":2}', sent(1100)))).toEqual({ sum: 0 });
      hand.transport.publish(
        `${bed.prefix}.rpc.${bed.shop.add.service}.add`,
        'not even JSON',
        headerBlock(sent(1400)),
        `${hand.transport.inbox}.x`,
      );
      await until(() => shop.stats().some(({ dropped }) => dropped === 1));
      expect(ran).toBe(1);
      await hand.transport.close();
    });

    test('of a call made by a handler is at most that of its caller, in the same trace', async () => {
      const seen: { deadlineAt: number; traceId: string }[] = [];
      await bed.serve({
        greet: async (_, { call, deadlineAt, traceId }) => {
          seen.push({ deadlineAt, traceId });
          await call(bed.shop.add, { a: 1, b: 1 });
          return { text: '' };
        },
        add: async (_, { deadlineAt, traceId }) => {
          seen.push({ deadlineAt, traceId });
          return { sum: 2 };
        },
      });
      const bus = await bed.bus('till');
      const begun = Date.now();
      await bus.call(bed.shop.greet, person, { timeoutMs: 700 });
      const [first, second] = seen;
      expect(first?.deadlineAt).toBeLessThan(begun + 5000); // not the method's ten seconds
      const transitMs = 100; // within the tolerance for clocks, the way itself does not count
      expect(second?.deadlineAt).toBeLessThan((first?.deadlineAt as number) + transitMs);
      expect(second?.traceId).toBe(first?.traceId);
    });

    test('that has already passed sends no request', async () => {
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.add, { a: 1, b: 1 }, { timeoutMs: 0 })).rejects.toMatchObject({
        code: 'deadline_exceeded',
        outcome: 'not_executed',
      });
    });
  });

  describe('a cancel', () => {
    test('ends the call at once, and fires the signal of its handler and of the calls of that handler', async () => {
      const started = Promise.withResolvers<void>();
      const stopped: string[] = [];
      await bed.serve({
        greet: async (_, { call, signal }) => {
          signal.addEventListener('abort', () => stopped.push('greet'));
          await call(bed.shop.single, {});
          return { text: '' };
        },
        single: async (_, { signal }) => {
          started.resolve();
          await hang(signal).catch(() => stopped.push('single'));
          return {};
        },
      });
      const bus = await bed.bus('till');
      const caller = new AbortController();
      const call = bus.call(bed.shop.greet, person, { signal: caller.signal });
      await started.promise;
      caller.abort();
      await expect(call).rejects.toMatchObject({ code: 'cancelled', outcome: 'unknown' });
      await until(() => stopped.length === 2);
      expect(stopped.sort()).toEqual(['greet', 'single']);
    });

    test('before the call sends no request', async () => {
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.add, { a: 1, b: 1 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'cancelled',
        outcome: 'not_executed',
      });
    });
  });

  describe('overload', () => {
    test('is refused at once with a retry delay, and the caller retries within its deadline', async () => {
      const first = Promise.withResolvers<void>();
      let ran = 0;
      await bed.serve({
        single: async () => {
          ran += 1;
          if (ran === 1) await first.promise;
          return {};
        },
      });
      const bus = await bed.bus('till');
      const running = bus.call(bed.shop.single, {});
      await until(() => ran === 1);
      await expect(bus.call(bed.shop.single, {}, { retry: false })).rejects.toMatchObject({
        code: 'resource_exhausted',
        retryAfterMs: expect.any(Number),
        outcome: 'not_executed',
      });
      const patient = bus.call(bed.shop.single, {});
      first.resolve();
      expect(await running).toEqual({});
      expect(await patient).toEqual({});
    });
  });

  describe('a repeat', () => {
    test('reaches a service that starts a moment later, and can be switched off', async () => {
      const [bus, hasty] = [await bed.bus('till'), await bed.bus('operator', { noRespondersMs: 0 })];
      const nobody = { code: 'unavailable', reason: 'no_responders', outcome: 'not_executed' };
      await expect(hasty.call(bed.shop.add, { a: 1, b: 1 })).rejects.toMatchObject(nobody);
      const early = bus.call(bed.shop.add, { a: 1, b: 1 });
      await expect(bus.call(bed.shop.single, {}, { retry: false })).rejects.toMatchObject(nobody); // by now the earlier one has met nobody, too
      await bed.serve();
      expect(await early).toEqual({ sum: 2 });
    });

    test('follows the code and whether the method may be repeated', async () => {
      const tries = { greet: 0, buy: 0 };
      await bed.serve(
        {
          greet: async () => {
            tries.greet += 1;
            throw new PolybError('upstream_failed', 'The other system broke.');
          },
        },
        {
          keep: async () => {
            tries.buy += 1;
            throw new PolybError('upstream_failed', 'The other system broke.');
          },
        },
      );
      const bus = await bed.bus('till');
      await expect(bus.call(bed.shop.greet, person)).rejects.toMatchObject({ code: 'upstream_failed' });
      expect(tries.greet).toBe(3);
      await expect(bus.request(bed.shop.buy, { thing: 'a' })).rejects.toMatchObject({ code: 'upstream_failed' });
      expect(tries.buy).toBe(1);
      await expect(bus.call(bed.shop.buy, { thing: 'a' }, { key: 'k' })).rejects.toMatchObject({ code: 'upstream_failed' });
      expect(tries.buy).toBe(4);
      await expect(bus.call(bed.shop.buy, { thing: 'a' }, { key: 'k', retry: false })).rejects.toMatchObject({ code: 'upstream_failed' });
      expect(tries.buy).toBe(5);
    });
  });

  describe('a keyed method', () => {
    test('reaches the journal with its parsed input, key and step, in any characters', async () => {
      const kept: [unknown, string, string, string | undefined][] = [];
      await bed.serve(
        {},
        {
          keep: async (_, input, { key, caller, step }: Wire) => {
            kept.push([input, key, caller, step]);
            return { orderId: 'o1' };
          },
        },
      );
      const bus = await bed.bus('till');
      const keys = ['k', 'ключ 1', 'a\r\nx: y', '100%', 'ü'];
      for (const key of keys) expect(await bus.request(bed.shop.buy, { thing: 'a' }, { key, step: key })).toEqual({ orderId: 'o1' });
      await bus.call(bed.shop.buy, { thing: 'a' }, { key: 'k' });
      expect(kept).toEqual([...keys.map((key) => [{ thing: 'a', many: 1 }, key, 'till', key]), [{ thing: 'a', many: 1 }, 'k', 'till', '']]);
      await expect(bus.call(bed.shop.buy, { thing: 'a' }, { key: 'k'.repeat(256) })).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    test('with a blank key is refused at both sides, and no handler runs', async () => {
      let ran = 0;
      await bed.serve(
        {},
        {
          keep: async () => {
            ran += 1;
            return { orderId: 'o1' };
          },
        },
      );
      const refusal = { code: 'invalid_argument', reason: 'bad_key' };
      const bus = await bed.bus('till');
      for (const key of ['', ' ', '\t\n']) await expect(bus.call(bed.shop.buy, { thing: 'a' }, { key })).rejects.toMatchObject(refusal);
      const hand = await raw();
      for (const key of ['', '  '])
        expect(readHead((await hand.ask('buy', '{"thing":"a"}', { 'Idempotency-Key': key })).headers).code).toBe('invalid_argument');
      expect(ran).toBe(0);
      await hand.transport.close();
    });

    test('without a key gets one, and returns it in the reply, also in an error', async () => {
      const keys: string[] = [];
      await bed.serve(
        {},
        {
          keep: async (_, __, { key }) => {
            keys.push(key);
            if (keys.length > 1) throw new PolybError('conflict', 'It clashes.');
            return { orderId: 'o1' };
          },
        },
      );
      const hand = await raw();
      for (const answer of [await hand.ask('buy', '{"thing":"a"}'), await hand.ask('buy', '{"thing":"a"}')])
        expect(readHead(answer.headers).key).toBe(keys.at(answer.headers.includes('polyb-code') ? 1 : 0));
      expect(new Set(keys).size).toBe(2);
      expect(readHead((await hand.ask('buy', '{"thing":"a"}', { 'Idempotency-Key': 'mine' })).headers).key).toBe('');
      expect(keys[2]).toBe('mine');
      await hand.transport.close();
    });

    test('reports to its caller that the outcome is the stored one of an earlier call, also of an error', async () => {
      const kept = new Set<string>();
      await bed.serve(
        {},
        {
          keep: async (_, __, { key, replayed }: Wire) => {
            if (kept.has(key)) replayed?.();
            kept.add(key);
            if (key === 'bad') throw new PolybError('conflict', 'It clashes.');
            return { orderId: 'o1' };
          },
        },
      );
      const bus = await bed.bus('till');
      const told: string[] = [];
      const buy = (key: string) => bus.call(bed.shop.buy, { thing: 'a' }, { key, onReplay: () => void told.push(key) });
      await buy('good');
      await expect(buy('bad')).rejects.toMatchObject({ code: 'conflict' });
      expect(told).toEqual([]);
      expect(await buy('good')).toEqual({ orderId: 'o1' });
      await expect(buy('bad')).rejects.toMatchObject({ code: 'conflict' });
      expect(told).toEqual(['good', 'bad']);
    });

    test('is not served without a journal', async () => {
      const bus = await bed.bus('shop');
      await expect(bus.serve([bed.shop.buy], {})).rejects.toMatchObject({ code: 'failed_precondition', reason: 'no_store' });
    });
  });

  describe('permission', () => {
    test('is refused for an entry that a service does not name in its uses', async () => {
      await bed.serve();
      const bus = await bed.bus('till', { uses: [bed.shop.add] });
      expect(await bus.call(bed.shop.add, { a: 1, b: 1 })).toEqual({ sum: 2 });
      await expect(bus.call(bed.shop.single, {})).rejects.toMatchObject({ code: 'permission_denied' });
      expect(() => bus.hear(bed.shop.sold, () => {})).toThrow(expect.objectContaining({ code: 'permission_denied' }));
    });

    test('is given for the contracts that a service serves itself', async () => {
      const shop = await bed.serve({}, { uses: [] });
      expect(await shop.call(bed.shop.add, { a: 1, b: 1 })).toEqual({ sum: 2 });
    });
  });

  describe('an owned object', () => {
    test('is served by its holder alone, and by no instance after the holder disposes of it', async () => {
      const [one, two] = [
        await bed.serve({ ring: async () => ({ rungBy: 'one' }) }),
        await bed.serve({ ring: async () => ({ rungBy: 'two' }) }),
      ];
      const bus = await bed.bus('till');
      using _ = one.own(bed.shop, { bellId: 'sip:1@a.b *' });
      {
        using __ = two.own(bed.shop, { bellId: 'b' });
        await Promise.all([
          bus.gather('$SRV.PING.nobody', undefined, { quietMs: 1 }),
          one.call(bed.shop.add, { a: 1, b: 1 }),
          two.call(bed.shop.add, { a: 1, b: 1 }),
        ]);
        for (let n = 0; n < 5; n += 1) {
          expect(await bus.call(bed.shop.ring, { bellId: 'sip:1@a.b *' })).toEqual({ rungBy: 'one' });
          expect(await bus.call(bed.shop.ring, { bellId: 'b' })).toEqual({ rungBy: 'two' });
        }
      }
      await two.call(bed.shop.add, { a: 1, b: 1 });
      await expect(bus.call(bed.shop.ring, { bellId: 'b' })).rejects.toMatchObject({ code: 'not_found', outcome: 'not_executed' });
    });

    test('needs served entries that declare its owner', async () => {
      const shop = await bed.serve();
      expect(() => shop.own(bed.shop, { greeting: '1' })).toThrow(expect.objectContaining({ code: 'failed_precondition' }));
      expect(() => shop.own(shopContract(), { bellId: '1' })).toThrow(expect.objectContaining({ code: 'failed_precondition' }));
      const bus = await bed.bus('till');
      expect(() => bus.own(bed.shop, { bellId: '1' })).toThrow(expect.objectContaining({ code: 'failed_precondition' }));
    });
  });

  describe('a dropped connection', () => {
    test('fails calls in flight at once, refuses new ones, and recovers with the connection', async () => {
      let started = 0;
      await bed.serve({
        greet: (_, { signal }) => {
          started += 1;
          return hang(signal);
        },
      });
      const bus = await bed.bus('till');
      const inFlight = bus.call(bed.shop.greet, person);
      await until(() => started === 1);
      const back = new Promise<void>((resolve) => void bus.onConnection((connected) => connected && resolve()));
      const restore = bed.transports.cut();
      await expect(inFlight).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost', outcome: 'unknown' });
      await expect(bus.call(bed.shop.add, { a: 1, b: 1 })).rejects.toMatchObject({
        code: 'unavailable',
        reason: 'not_connected',
        outcome: 'not_executed',
      });
      expect(bus.connected).toBe(false);
      restore();
      await back;
      expect(await bus.call(bed.shop.add, { a: 1, b: 1 })).toEqual({ sum: 2 });
      const reconnects = { name: 'polyb_bus_reconnects_total', series: [[[], 1]] };
      expect(await bus.metrics.reports()).toContainEqual(expect.objectContaining(reconnects));
    });
  });

  describe('in one process', () => {
    test('a call passes the same hooks without the NATS server, and its objects are copies', async () => {
      const localEndpoints = createLocalEndpoints();
      const given: unknown[] = [];
      const shared = { sum: 5 };
      const shop = await bed.serve(
        {
          add: async (input) => {
            given.push(input);
            return shared;
          },
        },
        { localEndpoints },
      );
      const bus = await bed.bus('till', { localEndpoints });
      const restore = bed.transports.cut();
      await until(() => !bus.connected && !shop.connected);
      const input = { a: 2, b: 3 };
      const output = await bus.call(bed.shop.add, input);
      expect(output).toEqual({ sum: 5 });
      expect(output).not.toBe(shared);
      expect(given[0]).toEqual(input);
      expect(given[0]).not.toBe(input);
      await expect(bus.call(bed.shop.add, { a: 'x', b: 1 } as never)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(bus.call(bed.shop.staff_only, {})).rejects.toMatchObject({ code: 'permission_denied' });
      expect(shop.records().at(0)).toMatchObject({ caller: 'till', traceId: bus.records().at(0)?.traceId });
      restore();
    });

    test('a call can be cancelled, and ends by its deadline', async () => {
      const localEndpoints = createLocalEndpoints();
      const stopped: string[] = [];
      await bed.serve(
        {
          quick: (_, { signal }) => hang(signal).catch((why) => Promise.reject(stopped.push(why.code))),
          greet: (_, { signal }) => hang(signal).catch((why) => Promise.reject(stopped.push(why.code))),
        },
        { localEndpoints },
      );
      const bus = await bed.bus('till', { localEndpoints });
      await expect(bus.call(bed.shop.quick, {})).rejects.toMatchObject({ code: 'deadline_exceeded' });
      const caller = new AbortController();
      const call = bus.call(bed.shop.greet, person, { signal: caller.signal });
      await new Promise((resolve) => setImmediate(resolve));
      caller.abort();
      await expect(call).rejects.toMatchObject({ code: 'cancelled' });
      await until(() => stopped.length === 2);
      expect(stopped).toEqual(['deadline_exceeded', 'cancelled']);
    });
  });

  describe('an announcement', () => {
    test('reaches all listeners until they are disposed', async () => {
      const shop = await bed.serve();
      const heard: string[] = [];
      const [one, two] = [await bed.bus('one'), await bed.bus('two')];
      const ears = [one, two].map((bus) => bus.hear(bed.shop.sold, (payload) => void heard.push(`${bus.name} ${JSON.stringify(payload)}`)));
      await Promise.all([one, two].map((bus) => bus.call(bed.shop.add, { a: 1, b: 1 })));
      shop.announce(bed.shop.sold, { thing: 'a' });
      await until(() => heard.length === 2);
      ears[0]?.[Symbol.dispose]();
      await one.call(bed.shop.add, { a: 1, b: 1 });
      shop.announce(bed.shop.sold, { thing: 'b' });
      await until(() => heard.length === 3);
      expect(heard.sort()).toEqual(['one {"thing":"a"}', 'two {"thing":"a"}', 'two {"thing":"b"}']);
    });
  });

  describe('shutting down', () => {
    test('finishes calls in flight, takes no new ones, and aborts those that do not end', async () => {
      const [first, started] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const shop = await bed.serve({
        greet: async () => {
          started.resolve();
          await first.promise;
          return { text: 'done' };
        },
        single: (_, { signal }) => hang(signal),
      });
      const bus = await bed.bus('till', { noRespondersMs: 0 });
      const [ending, hanging] = [bus.call(bed.shop.greet, person), bus.call(bed.shop.single, {}, { retry: false })];
      const hung = expect(hanging).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
      await started.promise;
      const closed = shop.close({ graceMs: 300 });
      await until(() => shop.connected);
      await expect(until(() => false, 50).catch(() => bus.call(bed.shop.add, { a: 1, b: 1 }))).rejects.toMatchObject({
        reason: 'no_responders',
      });
      first.resolve();
      expect(await ending).toEqual({ text: 'done' });
      await hung;
      await closed;
      await shop.close();
    });

    test('replies at once for a handler that ignores its signal', async () => {
      const shop = await bed.serve({ single: () => new Promise<never>(() => {}) });
      const bus = await bed.bus('till', { noRespondersMs: 0 });
      const hung = expect(bus.call(bed.shop.single, {}, { retry: false })).rejects.toMatchObject({
        code: 'unavailable',
        outcome: 'unknown',
      });
      await until(() => shop.stats().some(({ inFlight }) => inFlight > 0));
      await shop.close({ graceMs: 0 });
      await hung;
    });

    test('loses no call while instances come and go', async () => {
      const work = { greet: async () => new Promise<{ text: string }>((resolve) => setTimeout(resolve, 2, { text: '' })) };
      let current = await bed.serve(work);
      const bus = await bed.bus('till');
      let on = true;
      let answered = 0;
      const callers = Array.from({ length: 16 }, async () => {
        while (on) {
          await bus.call(bed.shop.greet, person, { retry: false });
          answered += 1;
        }
      });
      for (let restart = 0; restart < 5; restart += 1) {
        const next = await bed.serve(work);
        const before = answered;
        await until(() => answered > before + 30);
        await current.close();
        current = next;
      }
      on = false;
      await Promise.all(callers);
      expect(answered).toBeGreaterThan(150);
    });
  });

  describe('what a service reports', () => {
    test('follows the micro protocol', async () => {
      const shop = await bed.serve();
      const bus = await bed.bus('till');
      await bus.call(bed.shop.add, { a: 1, b: 1 });
      await bus.call(bed.shop.add, { a: 'x' } as never).catch(() => {});
      const name = bed.shop.add.service;
      const identity = {
        name,
        id: shop.instance,
        version: '1.2.3',
        metadata: { 'polyb.daemon': 'shop', 'polyb.schema': expect.stringMatching(/^[0-9a-f]{16}$/) },
      };
      for (const subject of ['$SRV.PING', `$SRV.PING.${name}`, `$SRV.PING.${name}.${shop.instance}`])
        expect(await bus.gather(subject, undefined, { quietMs: 50 })).toContainEqual({
          type: 'io.nats.micro.v1.ping_response',
          ...identity,
        });
      const [info] = (await bus.gather(`$SRV.INFO.${name}`, undefined, { atMost: 1 })) as { endpoints: { name: string }[] }[];
      expect(info).toMatchObject({ type: 'io.nats.micro.v1.info_response', ...identity, description: expect.any(String) });
      expect(info?.endpoints.find((one) => one.name === 'add')).toEqual({
        name: 'add',
        subject: `${bed.prefix}.rpc.${name}.add`,
        queue_group: 'q',
        metadata: {
          'polyb.schema': expect.any(String),
          'polyb.schema.request': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          'polyb.schema.response': expect.any(String),
          'polyb.timeout_ms': '10000',
          'polyb.idempotent': 'yes',
          'polyb.impact': 'ro',
        },
      });
      const [stats] = (await bus.gather(`$SRV.STATS.${name}`, undefined, { atMost: 1 })) as {
        started: string;
        endpoints: { name: string }[];
      }[];
      expect(stats).toMatchObject({ type: 'io.nats.micro.v1.stats_response', ...identity, started: expect.stringMatching(/^\d{4}-.*Z$/) });
      const told = { name: 'process_resident_memory_bytes', type: 'gauge', labels: [], series: [[[], expect.any(Number)]] };
      expect(stats).toMatchObject({ data: { metrics: expect.arrayContaining([expect.objectContaining(told)]) } });
      const add = stats?.endpoints.find((one) => one.name === 'add') as unknown as Record<string, number>;
      expect(add).toMatchObject({ num_requests: 2, num_errors: 1, last_error: expect.stringContaining('Bad input'), queue_group: 'q' });
      expect(stats?.endpoints.find((one) => one.name === 'quick')).toMatchObject({
        num_requests: 0,
        last_error: '',
        average_processing_time: 0,
      });
      for (const time of [add.processing_time, add.average_processing_time])
        expect(Number.isInteger(time) && (time as number) > 0).toBe(true);
      expect(add.data).toMatchObject({
        dropped: 0,
        p50Ms: expect.any(Number),
        p95Ms: expect.any(Number),
        p99Ms: expect.any(Number),
        codes: { ok: 1, invalid_argument: 1 },
      });
    });

    test('replies to control requests with its schemas and the spans of a trace, and refuses any other', async () => {
      const shop = await bed.serve();
      const bus = await bed.bus('till');
      await bus.call(bed.shop.add, { a: 1, b: 1 });
      const at = `${bed.prefix}.ctl.${bed.shop.add.service}`;
      const ask = async (request: unknown) => (await bus.gather(at, request, { atMost: 1 }))[0];
      expect(await ask({ op: 'schema', method: 'add' })).toMatchObject({
        daemon: 'shop',
        instance: shop.instance,
        version: '1.2.3',
        entries: [{ address: bed.shop.add.address, input: { type: 'object', required: ['a', 'b'] } }],
      });
      const { traceId } = bus.records()[0] as { traceId: string };
      expect(await ask({ op: 'spans', traceId })).toMatchObject({ records: [{ traceId, side: 'server', code: 'ok' }] });
      expect(await bus.gather(at, { op: 'nonsense' }, { quietMs: 50 })).toEqual([]);
      const hand = await raw();
      const got = new Promise<Arrived>((resolve) => void hand.transport.subscribe(`${hand.transport.inbox}.ctl`, resolve));
      await hand.transport.flush();
      hand.transport.publish(at, '{"op":"tap","to":"some.subject"}', '', `${hand.transport.inbox}.ctl`);
      expect(json(await got)).toMatchObject({ code: 'invalid_argument' });
      await hand.transport.close();
    });

    test('is each finished call, to listeners on both sides, with outcome, trace and body sizes, until they are disposed', async () => {
      const shop = await bed.serve({
        greet: async () => {
          throw new PolybError('failed_precondition', 'Asleep.', { reason: 'asleep' });
        },
      });
      const bus = await bed.bus('till');
      const made: FinishedCall[] = [];
      const served: FinishedCall[] = [];
      const listening = [bus.onRecord((call) => void made.push(call)), shop.onRecord((call) => void served.push(call))];
      await bus.call(bed.shop.add, { a: 2, b: 3 });
      await expect(bus.call(bed.shop.greet, person)).rejects.toMatchObject({ reason: 'asleep' });
      const asked = { address: bed.shop.add.address, code: 'ok', outcome: 'executed', requestBytes: 13, replyBytes: 9 };
      const refused = { address: bed.shop.greet.address, code: 'failed_precondition', reason: 'asleep', outcome: 'not_executed' };
      expect(made).toMatchObject([
        { ...asked, side: 'client' },
        { ...refused, side: 'client' },
      ]);
      expect(served).toMatchObject([
        { ...asked, side: 'server', caller: 'till', ms: expect.any(Number) },
        { ...refused, side: 'server' },
      ]);
      expect(served.map(({ traceId, parentId }) => [traceId, parentId])).toEqual(made.map(({ traceId, spanId }) => [traceId, spanId]));
      expect(made).toEqual(bus.records().map((record) => expect.objectContaining(record)));
      for (const one of listening) one[Symbol.dispose]();
      await bus.call(bed.shop.add, { a: 2, b: 3 });
      expect([made.length, served.length]).toEqual([2, 2]);
    });

    test('reaches every listener and fails no call when a listener throws or rejects, whose first failure is logged', async () => {
      const shop = await bed.serve();
      const bus = await bed.bus('till');
      const heard: string[] = [];
      const failing: RecordListener[] = [
        () => {
          throw new Error('full');
        },
        async () => {
          throw new Error('away');
        },
      ];
      for (const one of [bus, shop]) {
        for (const listener of failing) one.onRecord(listener);
        one.onRecord(({ side }) => void heard.push(side));
      }
      for (let n = 0; n < 3; n += 1) expect(await bus.call(bed.shop.add, { a: 2, b: n })).toEqual({ sum: 2 + n });
      expect(heard.sort()).toEqual(['client', 'client', 'client', 'server', 'server', 'server']);
      expect(bed.lines.filter(({ message }) => message.startsWith('a listener of onRecord failed'))).toHaveLength(4);
    });

    test('is sent to a tap, only for the methods that it names', async () => {
      await bed.serve();
      const bus = await bed.bus('till');
      const hand = await raw();
      const to = `${hand.transport.inbox}.tap`;
      const batches: { records: { address: string }[] }[] = [];
      hand.transport.subscribe(to, (message) => void batches.push(json(message) as never));
      await hand.transport.flush();
      expect(await bus.gather(`${bed.prefix}.ctl.${bed.shop.add.service}`, { op: 'tap', to, methods: ['add'] }, { atMost: 1 })).toEqual([
        { instance: expect.any(String), leaseMs: 30_000 },
      ]);
      await bus.call(bed.shop.single, {});
      await bus.call(bed.shop.add, { a: 1, b: 1 });
      await until(() => batches.length === 1);
      expect(batches[0]).toMatchObject({ dropped: 0, records: [{ address: bed.shop.add.address, code: 'ok', caller: 'till' }] });
      await hand.transport.close();
    });

    test('includes the requests of adapters in the trace of their call', async () => {
      const shop = await bed.serve({
        add: async (_, { signal }) => {
          shop.recordFor(signal, { address: 'GET crm.example/api', at: 5, ms: 7, code: 'ok' });
          return { sum: 1 };
        },
      });
      const bus = await bed.bus('till');
      await bus.call(bed.shop.add, { a: 1, b: 1 });
      const [outside, served] = shop.records();
      expect(outside).toMatchObject({
        side: 'outside',
        address: 'GET crm.example/api',
        at: 5,
        ms: 7,
        code: 'ok',
        traceId: served?.traceId,
        parentId: served?.spanId,
      });
    });
  });
}
