import type { Log } from '../bus/service.ts';

/** A log that nobody reads, for tests and for programs that tell themselves what matters. */
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
