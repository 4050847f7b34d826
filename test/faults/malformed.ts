/** Bodies, headers and subjects that nobody should send: structures that a schema must refuse, and good bytes gone bad. */
import { Packr } from 'msgpackr';
import type { Random } from './random.ts';

export interface Malformed {
  readonly subject: string;
  readonly body: Uint8Array;
  /** A raw NATS header block. */
  readonly headers: string;
  /** Nobody needs to answer it: its time is over, or it went where no method listens. */
  readonly silent: boolean;
}

/** As bare as clients of other makes: what ours refuses to write must be refused where it is read. */
const packr = new Packr({ useRecords: false });
const asJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each));

const goodNote = {
  title: 'a title',
  count: 3,
  share: 0.5,
  isDone: false,
  at: '2026-01-01T00:00:00Z',
  tags: ['a', 'b'],
  fields: { a: 'b' },
  kind: { of: 'a', n: 1 },
};
const good: Readonly<Record<string, object>> = {
  note: goodNote,
  store: { title: 'a title' },
  upload: { name: 'a file', bytes: new Uint8Array([1, 2, 3]) },
};
const subjects = ['polyb.rpc.fault_forms.note', 'polyb.rpc.fault_forms.store', 'polyb.rpc.fault_forms.upload'] as const;
/** Where others listen than the methods; what comes there needs no answer. */
const asides = [
  'polyb.rpc.fault_forms',
  'polyb.rpc.fault_forms.nobody',
  'polyb.rpc.fault_forms.note.more',
  'polyb.rpc.fault_forms.note.by',
  'polyb.rpc.fault_forms.note.by.fuzz',
  'polyb.rpc.fault_forms.note.by.fuzz.more',
  'polyb.ctl.fault_forms',
  'polyb.ctl.fault_work',
  '$SRV.PING',
  '$SRV.INFO.fault_forms',
  '$SRV.STATS.fault_forms.x',
  'polyb.evt.fault_work.deliver_looked_up_queued',
  'polyb.str.abc',
  'polyb.tap.fault_forms.note.x',
] as const;
const strings = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  '../../etc',
  "'; drop table rows; --",
  'я'.repeat(200),
  'x'.repeat(20_000),
];
const numbers = [0, -1, 1e308, 2 ** 53, -0.5, 1.5, 0xffffffff];

function anything(random: Random, depth = 0): unknown {
  switch (random.int(0, depth > 4 ? 4 : 8)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick(numbers);
    case 3:
    case 4:
      return random.pick(strings);
    case 5:
      return Array.from({ length: random.int(0, 30) }, () => anything(random, depth + 1));
    case 6:
      return nested(random.int(10, 400));
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(0, 12) }, () => [random.pick(strings).slice(0, 40), anything(random, depth + 1)]),
      );
  }
}
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A good input with one to three of its fields changed, dropped or added. */
function changed(random: Random, from: object): unknown {
  const fields = Object.entries(from);
  for (let times = random.int(1, 3); times > 0; times -= 1) {
    const at = random.int(0, fields.length - 1);
    const name = fields[at]?.[0] ?? 'x';
    if (random.chance(0.2)) fields.splice(at, 1);
    else if (random.chance(0.3)) fields.push([random.pick(strings).slice(0, 40), anything(random)]);
    else fields[at] = [name, anything(random)];
    if (fields.length === 0) break;
  }
  // Not fromEntries alone: a field named __proto__ must reach the wire as it is.
  return Object.defineProperties(
    {},
    Object.fromEntries(fields.map(([name, value]) => [name, { value, enumerable: true, configurable: true, writable: true }])),
  );
}

function brokenBytes(random: Random, bytes: Uint8Array): Uint8Array {
  const broken = [...bytes];
  for (let times = random.int(1, 6); times > 0; times -= 1) {
    const at = random.int(0, Math.max(0, broken.length - 1));
    switch (random.int(0, 3)) {
      case 0:
        broken[at] = random.int(0, 255);
        break;
      case 1:
        broken.splice(at, random.int(1, 4));
        break;
      case 2:
        broken.splice(at, 0, random.int(0, 255), random.int(0, 255));
        break;
      default:
        broken.length = at;
    }
  }
  return Uint8Array.from(broken);
}

const badHeaders = [
  'traceparent: 00-zz-zz-01',
  `traceparent: ${'0'.repeat(5_000)}`,
  'polyb-timeout-ms: -5',
  'polyb-timeout-ms: 99999999999999999999',
  'polyb-timeout-ms: soon',
  'polyb-sent-at: 99999999999999',
  'polyb-sent-at: -1',
  'polyb-sent-at: x',
  'idempotency-key: %E0%A4%A',
  `idempotency-key: ${'k'.repeat(9_000)}`,
  'idempotency-key:  ',
  'idempotency-key: %00',
  'polyb-stream: _INBOX.other.1',
  'content-type: application/x-unknown',
  'content-type: application/msgpack',
  'nats-service-error-code: 200',
  'polyb-code: ok',
  'no colon in this line',
  ': no name',
];
/** Long past: the service must drop it unread. */
const expired = 'polyb-sent-at: 1000';

function headers(random: Random, contentType: string, key: string, isExpired: boolean): string {
  const lines = [...(contentType === '' ? [] : [contentType]), `idempotency-key: ${key}`];
  if (isExpired) lines.push(expired);
  else if (random.chance(0.4)) for (let times = random.int(1, 3); times > 0; times -= 1) lines.push(random.pick(badHeaders));
  return `NATS/1.0\r\n${random.shuffled(lines).join('\r\n')}\r\n\r\n`;
}

/** @param bytes true: the bytes of a good request, broken; false: a well-formed body of the wrong structure */
export function malformed(random: Random, nth: number, bytes: boolean): Malformed {
  const isAside = random.chance(0.1);
  const subject = random.pick(isAside ? asides : subjects);
  const from = good[subject.split('.').at(-1) ?? ''] ?? goodNote;
  const isJson = random.chance(0.5);
  const value = bytes ? from : random.chance(0.5) ? changed(random, from) : anything(random);
  const encoded = isJson ? Buffer.from(asJson(value)) : packr.pack(value);
  // What the server takes at all: the rest never reaches a service.
  const body = (bytes ? brokenBytes(random, encoded) : encoded).subarray(0, 900_000);
  const isExpired = random.chance(0.01);
  return {
    subject,
    body,
    headers: headers(random, isJson ? '' : 'content-type: application/msgpack', `fuzz ${nth}`, isExpired),
    silent: isAside || isExpired,
  };
}
