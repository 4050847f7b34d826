/** States of a row of the journal, without a schema library: the command line loads this file at its start. */

/**
 * proposed: waits for approval. queued: due at `notBefore`. attempting: an instance works on it under a lease. waiting: a run that waits for a
 * step, an event or a time. unknown: the outcome of an attempt is being looked up. review: a person must resolve it.
 */
const openStates = ['proposed', 'queued', 'attempting', 'waiting', 'unknown', 'review'] as const;
/** Final unless a person reopens the row. */
export const endedStates = ['done', 'failed', 'rejected', 'expired', 'stale', 'cancelled'] as const;
export const rowStates = [...openStates, ...endedStates] as const;
export type RowState = (typeof rowStates)[number];

/** Rows of one state, method and reason are counted up to this number. */
export const mostCounted = 10_000;
