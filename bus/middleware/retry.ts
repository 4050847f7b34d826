import type { Idempotency } from '../../contracts/kit/define.ts';
import { codes, type PolybError } from '../../contracts/kit/errors.ts';

export interface Attempted {
  readonly idempotency: Idempotency;
  readonly key: string;
  /** Requests sent so far. */
  readonly attempts: number;
  /** Unix ms of the first attempt. */
  readonly at: number;
}

/** A retry is useless: the connection is down, or a row of the journal holds the outcome. */
const final = new Set(['not_connected', 'connection_lost', 'pending', 'payload_too_large']);
const attemptsOfUnknown = 3;

/** Pause before the request is sent again, ms; undefined: no retry. */
export function retryDelay(error: PolybError, call: Attempted, now: number, noRespondersMs: number): number | undefined {
  const { reason } = error;
  if (reason !== undefined && final.has(reason)) return undefined;
  const backoffMs = jitter(error.retryAfterMs ?? Math.min(1000, 25 * 2 ** call.attempts));
  if (reason === 'no_responders') return now - call.at + backoffMs < noRespondersMs ? backoffMs : undefined;
  const { retry } = codes[error.code];
  if (retry === 'never') return undefined;
  if (retry === 'always' && error.outcome === 'not_executed') return backoffMs;
  return call.attempts < attemptsOfUnknown && mayRepeat(error, call) ? backoffMs : undefined;
}
/** Nothing happened, a repeat is harmless, or the journal recognizes it by its key. */
function mayRepeat(error: PolybError, { idempotency, key }: Attempted): boolean {
  return error.outcome === 'not_executed' || idempotency !== 'keyed' || key !== '';
}
/** Never earlier than `ms`, and spread so that callers do not retry at the same moment. */
function jitter(ms: number): number {
  return ms * (1 + Math.random() / 2);
}
