import type { Code, Outcome } from '../../contracts/kit/errors.ts';
import { scrub } from '../../contracts/kit/scrub.ts';
import { randomHex } from '../wire/ids.ts';

/** The record of a call: masked, without its body. */
export interface CallRecord {
  /** Start, Unix ms. */
  readonly at: number;
  readonly ms: number;
  /** `consumer`: the handling of an event; `outside`: an adapter's request to a vendor. */
  readonly side: 'client' | 'server' | 'consumer' | 'outside';
  readonly address: string;
  readonly caller: string;
  /** The folder of the service whose instance keeps the record. */
  readonly service: string;
  readonly instance: string;
  readonly code: 'ok' | Code;
  readonly reason?: string;
  readonly traceId: string;
  readonly spanId: string;
  /** '' at the root. */
  readonly parentId: string;
  readonly key?: string;
}
/** `outcome` defaults to that of the code. */
export type NewRecord = Omit<CallRecord, 'service' | 'instance'> & { readonly outcome?: Outcome };

/** Facts about a call that are known from its start. */
export interface CallFacts {
  readonly at: number;
  readonly traceId: string;
  /** '' until it is read. */
  readonly spanId: string;
  readonly parentId: string;
  /** Who called, as the subject of the request proves. */
  readonly from: string;
  readonly key: string;
}
export interface Ring {
  add(call: CallFacts, side: CallRecord['side'], address: string, ms: number, code: CallRecord['code'], reason: string | undefined): void;
  read(filter?: { readonly traceId?: string | undefined; readonly sinceMs?: number | undefined }): readonly CallRecord[];
  /** The newest. */
  last(): CallRecord;
}

/** Missing in the types of Node: `write` in latin1 without the lookup of the encoding. */
type LatinBuffer = Buffer & { latin1Write(text: string, at: number, room: number): number };

const traceAt = 0;
const spanAt = 32;
const parentAt = 48;
const fromAt = 64;
const rowBytes = 128;

/** Keeps ids as bytes in one block and times as numbers, so that ten thousand calls cost the garbage collector nothing. */
export function createRing(service: string, instance: string, size = 10_000): Ring {
  const text = Buffer.alloc(size * rowBytes) as LatinBuffer;
  const times = new Float64Array(size * 2);
  const sides: CallRecord['side'][] = [];
  const addresses: string[] = [];
  const codes: CallRecord['code'][] = [];
  const reasons: (string | undefined)[] = [];
  const keys: string[] = [];
  let next = 0;

  /** An empty value is one zero byte: '' reads as ''. */
  function write(value: string, at: number, room: number): void {
    if (value === '') text[at] = 0;
    else if (text.latin1Write(value, at, room) < room) text[at + value.length] = 0;
  }
  function cell(at: number, room: number): string {
    const end = text.indexOf(0, at);
    return text.toString('latin1', at, end < at || end > at + room ? at + room : end);
  }
  function show(slot: number): CallRecord {
    const row = slot * rowBytes;
    if (text[row + spanAt] === 0) write(randomHex(16), row + spanAt, 16);
    const reason = reasons[slot];
    const key = keys[slot] as string;
    return {
      at: times[slot * 2] as number,
      ms: times[slot * 2 + 1] as number,
      side: sides[slot] as CallRecord['side'],
      address: addresses[slot] as string,
      caller: cell(row + fromAt, 64),
      service,
      instance,
      code: codes[slot] as CallRecord['code'],
      ...(reason === undefined ? {} : { reason }),
      traceId: hexOnly(cell(row + traceAt, 32)),
      spanId: hexOnly(cell(row + spanAt, 16)),
      parentId: hexOnly(cell(row + parentAt, 16)),
      ...(key === '' ? {} : { key: scrub(key) }),
    };
  }
  return {
    add(call, side, address, ms, code, reason) {
      const row = next * rowBytes;
      write(call.traceId, row + traceAt, 32);
      write(call.spanId, row + spanAt, 16);
      write(call.parentId, row + parentAt, 16);
      write(call.from, row + fromAt, 64);
      times[next * 2] = call.at;
      times[next * 2 + 1] = ms;
      sides[next] = side;
      addresses[next] = address;
      codes[next] = code;
      reasons[next] = reason;
      keys[next] = call.key;
      next = next + 1 === size ? 0 : next + 1;
    },
    read({ traceId, sinceMs = 0 } = {}) {
      const found: CallRecord[] = [];
      for (let n = 0; n < sides.length; n += 1) {
        const slot = sides.length < size ? n : (next + n) % size;
        if ((times[slot * 2] as number) < sinceMs) continue;
        if (traceId === undefined || cell(slot * rowBytes + traceAt, 32) === traceId) found.push(show(slot));
      }
      return found;
    },
    last: () => show((next + size - 1) % size),
  };
}
/** Ids come from callers; an id that is not hex reads as ''. */
function hexOnly(id: string): string {
  return /^[0-9a-f]*$/.test(id) ? id : '';
}

/** Hides the middle of ten or more digits, which may be a phone number. */
export function maskDigits(text: string): string {
  return text.replace(/\+?\d(?:[\s().-]*\d){9,}/g, (run) => `${run.slice(0, 2)}***${run.slice(-4)}`);
}
