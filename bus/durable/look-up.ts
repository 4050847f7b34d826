/** Look-ups of attempts whose outcome is unknown. */
import { isEffect, onUnknownOf, settled } from '../../contracts/kit/define.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { redactError } from '../server/redact-error.ts';
import { checkedOutput } from './attempt.ts';
import { parsed } from './identity.ts';
import type { JournalParts } from './journal-parts.ts';
import { backoffMs, logLine } from './outcome.ts';
import { ownWire } from './own-wire.ts';
import type { Row } from './store.ts';

/** Searches the provider for the effect of an attempt. */
export async function lookUp(parts: JournalParts, row: Row): Promise<void> {
  const it = parts.served.get(row.method);
  if (it === undefined || !isEffect(it.handler)) return;
  const onUnknown = onUnknownOf(it.handler, row.input);
  if (onUnknown.do !== 'look_up') return;
  const traced = parts.bus.context(ownWire(parts, row, it.method)).signal;
  const began = performance.now();
  try {
    const { ref, attemptedAt } = row;
    const found = await onUnknown.find({ ref, input: parsed(it.method, row.input) as never, attemptedAt }, traced);
    const learned = {
      ms: Math.round(performance.now() - began),
      code: 'ok',
      reason: found === null ? 'not_found_there' : 'found_there',
      message: 'Looked up at the provider.',
      evidence: null,
    };
    if (found !== null) await parts.store.journal.resolve(row, { state: 'done', output: checkedOutput(it.method, found), log: learned });
    else
      await parts.store.journal.resolve(row, {
        state: row.mode === 'send' ? 'queued' : 'failed',
        error: { code: 'unavailable', reason: 'not_done', detail: 'The attempt did not reach the provider.', outcome: 'not_executed' },
        // This look-up counts as a takeover; a second one means that the attempt's own holder is gone, and then the row waits.
        notBefore: Date.now() + Math.max(0, row.takeovers - 2) * parts.leaseMs,
        log: learned,
      });
  } catch (thrown) {
    const safe = redactError(thrown, it.method.input, row.input);
    const error = toPolybError(safe);
    parts.log.warn({ err: safe, row: row.id }, 'a look-up failed');
    await parts.store.journal.resolve(row, {
      state: 'unknown',
      error: row.error,
      notBefore: Date.now() + backoffMs(Math.min(row.attempts, 6), { firstMs: 1_000, lastMs: 5_000, wishedMs: error.retryAfterMs }),
      log: logLine(error, performance.now() - began),
    });
  }
  parts.watchers.notify(row);
  if (it.method.settles) parts.transactions.announce(settled(it.method), {});
}
