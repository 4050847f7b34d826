import type { Effect, Method, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';

/** The effect, but for what is there already: that is the answer, and nothing goes out. Safe in the method's lane only, where nobody else creates meanwhile. */
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

/** A search that fails has created nothing, also where a request that fails so is in doubt. */
function nothingDone(thrown: unknown): PolybError {
  const { code, message, reason, data, retryAfterMs, evidence } = toPolybError(thrown);
  return new PolybError(code, message, { reason, data, retryAfterMs, evidence, outcome: 'not_executed', cause: thrown });
}
