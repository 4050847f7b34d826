import { PolybError, toPolybError } from '../contracts/kit/errors.ts';

/** The result of a request that only reads or checks before a write. Its failure is a failure of the write before it began. */
export async function beforeWriting<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const { code, message, reason, data, retryAfterMs, evidence } = toPolybError(thrown);
    throw new PolybError(code, message, { reason, data, retryAfterMs, evidence, outcome: 'not_executed', cause: thrown });
  }
}
