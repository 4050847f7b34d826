import type { Code } from '../contracts/errors.ts';
import { randomHex } from './ids.ts';

/** What is kept of a call: masked, without its body. */
export interface CallRecord {
  /** Start, Unix ms. */
  readonly at: number;
  readonly ms: number;
  /** `outside`: an adapter's request to a vendor. */
  readonly side: 'client' | 'server' | 'outside';
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
export type NewRecord = Omit<CallRecord, 'service' | 'instance'>;

/** A call as it is kept until somebody asks: references only, no text is made. */
export interface Kept {
  at: number;
  ms: number;
  side: CallRecord['side'];
  address: string;
  /** A name, or the reply subject that tells it. */
  from: string;
  code: CallRecord['code'];
  reason: string | undefined;
  traceId: string;
  /** '' until somebody asks. */
  spanId: string;
  parentId: string;
  key: string;
}
export interface Ring {
  add(kept: Kept): void;
  read(filter?: { readonly traceId?: string | undefined; readonly sinceMs?: number | undefined }): readonly CallRecord[];
  shown(kept: Kept): CallRecord;
}

export function createRing(service: string, instance: string, size = 10_000): Ring {
  const slots: Kept[] = [];
  let next = 0;
  const shown = (kept: Kept): CallRecord => {
    kept.spanId ||= randomHex(16);
    const { at, ms, side, address, from, code, reason, traceId, spanId, parentId, key } = kept;
    return {
      at,
      ms,
      side,
      address,
      caller: callerOf(from),
      service,
      instance,
      code,
      ...(reason === undefined ? {} : { reason }),
      traceId,
      spanId,
      parentId,
      ...(key === '' ? {} : { key: maskDigits(key) }),
    };
  };
  return {
    add(kept) {
      slots[next] = kept;
      next = next + 1 === size ? 0 : next + 1;
    },
    read: ({ traceId, sinceMs = 0 } = {}) =>
      [...slots.slice(next), ...slots.slice(0, next)]
        .filter((kept) => kept.at >= sinceMs && (traceId === undefined || kept.traceId === traceId))
        .map(shown),
    shown,
  };
}

/** Who called: the user of `_INBOX.<user>.<instance>.<n>`; '' for an inbox that names nobody. */
export function callerOf(from: string): string {
  if (!from.startsWith('_INBOX.')) return from;
  const tokens = from.split('.');
  return tokens.length === 4 ? (tokens[1] as string) : '';
}
/** Hides the middle of what may be a phone number. */
export function maskDigits(text: string): string {
  return text.replace(/(\+?\d{2,4})[\d\s().-]{3,}(\d{4})/g, '$1***$2');
}
