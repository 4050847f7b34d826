import type { Code } from '../contracts/errors.ts';

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
