import type { Webhooks } from '../../adapters/webhook/port.ts';
import type { Call, Database, Handler } from '../../bus/service.ts';
import { gateway } from '../../contracts/gateway.ts';
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { webhooks } from '../../contracts/webhooks.ts';
import { disable, findDue, noteDelivered, noteFailed } from './rows.ts';

const shortestPauseMs = 500;
const longestPauseMs = 3_600_000;

/** The pause of a delivery equals the duration of its failure, at least half a second and at most an hour; later deliveries wait. */
export function deliver({
  db,
  post,
  giveUpMs,
  disableMs,
}: {
  readonly db: Database;
  readonly post: Webhooks['post'];
  readonly giveUpMs: number;
  readonly disableMs: number;
}): Handler<typeof webhooks.deliver> {
  return async ({ subscriptionId, eventId }, { call, signal }) => {
    const due = await findDue(db, subscriptionId, eventId);
    if (due === null) return { outcome: 'skipped' };
    if (!(await mayRead(call, due.client, signal))) {
      await disable(db, subscriptionId, `${due.client} has no active API key with read access.`);
      return { outcome: 'skipped' };
    }
    const { url, secrets, event, at, payload } = due;
    const body = JSON.stringify({ type: event, timestamp: at.toISOString(), data: payload });
    try {
      await post({ url, id: eventId, body, secrets, signal });
    } catch (thrown) {
      const error = toPolybError(thrown);
      if (error.code === 'cancelled') throw error;
      const { headMs, failingMs } = await noteFailed(db, subscriptionId, eventId, error.message);
      const isGone = error.evidence?.status === 410;
      if (isGone || failingMs >= disableMs) {
        await disable(db, subscriptionId, isGone ? 'The address replied 410 Gone.' : error.message);
        return { outcome: 'skipped' };
      }
      if (headMs >= giveUpMs)
        throw new PolybError('failed_precondition', `Not accepted for ${Math.round(headMs / 1000)} s: ${error.message}`, {
          reason: 'given_up',
        });
      throw new PolybError('unavailable', error.message, {
        reason: 'not_taken',
        retryAfterMs: Math.max(error.retryAfterMs ?? 0, Math.min(Math.max(headMs, shortestPauseMs), longestPauseMs)),
      });
    }
    await noteDelivered(db, subscriptionId);
    return { outcome: 'delivered' };
  };
}

/** A subscription reads data, so it ends when its client loses read access. */
async function mayRead(call: Call, client: string, signal: AbortSignal): Promise<boolean> {
  const { scopes } = await call(gateway.find_client, { client }, { signal });
  return scopes.includes('read') || scopes.includes('admin');
}
