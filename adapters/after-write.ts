import { PolybError } from '../contracts/kit/errors.ts';

/** Runs what follows a write that was accepted: a failure leaves the outcome unknown, whatever the failure itself says. */
export async function afterWrite<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new PolybError('upstream_failed', `${what} was written, and could not be read back.`, {
      reason: 'unverified',
      cause,
      outcome: 'unknown',
    });
  }
}
