import type { Effect, Method, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';

/**
 * The effect, unless the record exists: then it is returned, and no request creates one. Safe only in the method's lane, where nothing
 * else creates meanwhile.
 */
export function lookFirst<M extends Method>(
  effect: Effect<M>,
  find: (input: ParsedOf<M>, signal: AbortSignal) => Promise<OutputOf<M> | null>,
): Effect<M> {
  return {
    async attempt(input, at) {
      const found = await find(input, at.signal).catch((thrown: unknown) => {
        throw nothingDone(thrown);
      });
      return found ?? effect.attempt(input, at);
    },
    onUnknown: effect.onUnknown,
  };
}

/** A failed search has created nothing, even where a failed request would be in doubt. */
function nothingDone(thrown: unknown): PolybError {
  const { code, message, reason, data, retryAfterMs, evidence } = toPolybError(thrown);
  return new PolybError(code, message, { reason, data, retryAfterMs, evidence, outcome: 'not_executed', cause: thrown });
}
