/** `polyb.ctl.<service>`: control requests from tools that do not have the service's code. Every instance replies. */
import { z } from 'zod';
import { describe } from '../../contracts/kit/describe.ts';
import { isPolybError, PolybError, toPolybError, toProblem } from '../../contracts/kit/errors.ts';
import type { Log } from '../../contracts/kit/ports.ts';
import { validInput } from '../middleware/validate.ts';
import type { ShownSetting } from '../service.ts';
import type { Streams } from '../streams/stream.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import type { CallRecord } from '../telemetry/records.ts';
import type { Arrived, Subscription, Transport } from '../transports/transport.ts';
import { decode } from '../wire/codec.ts';
import { headerBlock } from '../wire/headers.ts';
import type { Server } from './serve.ts';
import type { Endpoint } from './server-parts.ts';

const Inbox = z
  .string()
  .max(200)
  .regex(/^_INBOX\.[\w.-]+$/, 'a subject below _INBOX');
export const ControlRequest = z.discriminatedUnion('op', [
  /** Returns policy and JSON Schemas of one entry, or of all. */
  z.strictObject({ op: z.literal('schema'), method: z.string().max(64).optional() }),
  /** Stops the call whose reply would go to this inbox. */
  z.strictObject({ op: z.literal('cancel'), reply: Inbox }),
  /** Sends the records of calls to `to`, or the items of a stream's topic to its tap subjects, for 30 s from now. */
  z.strictObject({
    op: z.literal('tap'),
    to: Inbox.optional(),
    methods: z.array(z.string().max(64)).max(200).optional(),
    stream: z.string().max(64).optional(),
    topic: z.string().max(200).optional(),
    side: z.enum(['up', 'down', 'both']).optional(),
  }),
  /** Returns the records of a trace that this instance still has. */
  z.strictObject({ op: z.literal('spans'), traceId: z.string().regex(/^[0-9a-f]{32}$/, '32 hex digits') }),
  /** Returns the settings with which this instance runs. */
  z.strictObject({ op: z.literal('settings') }),
]);
export type ControlRequest = z.infer<typeof ControlRequest>;

export interface ControlParts {
  readonly transport: Transport;
  readonly prefix: string;
  readonly name: string;
  readonly instance: string;
  readonly now: () => number;
  readonly log: Log;
  readonly server: Server;
  readonly streams: Streams;
  readonly recorder: Recorder;
  readonly settings: readonly ShownSetting[];
}
export interface Control {
  /** Replies for a contract from now on. */
  listen(service: string, endpoints: readonly Endpoint[]): void;
  close(): void;
}

const leaseMs = 30_000;
const maxRecords = 1000;
const batchMs = 100;
const batchRecords = 500;

export function createControl(parts: ControlParts): Control {
  const { transport, prefix, name, instance, now, log, server, streams, recorder, settings } = parts;
  const subscriptions: Subscription[] = [];
  const taps = createTaps(parts);

  function answer(service: string, endpoints: readonly Endpoint[], request: ControlRequest): unknown {
    switch (request.op) {
      case 'schema': {
        const wanted = endpoints.filter(({ entry }) => request.method === undefined || entry.name === request.method);
        if (wanted.length === 0) throw new PolybError('not_found', `${service} has no ${request.method}.`);
        return { service, version: wanted[0]?.entry.version, daemon: name, instance, entries: wanted.map(({ entry }) => describe(entry)) };
      }
      case 'cancel':
        server.cancel(request.reply);
        return undefined;
      case 'tap':
        if (request.stream !== undefined && request.topic !== undefined)
          streams.lease(request.stream, request.topic, request.side ?? 'both');
        if (request.to !== undefined)
          taps.lease(request.to, request.methods?.map((method) => `${service}.${method}`) ?? endpoints.map(({ entry }) => entry.address));
        return { instance, leaseMs };
      case 'spans':
        return { instance, records: recorder.read({ traceId: request.traceId }).slice(-maxRecords) };
      case 'settings':
        return { daemon: name, instance, settings };
    }
  }

  function listen(service: string, endpoints: readonly Endpoint[]): void {
    const subject = `${prefix}.ctl.${service}`;
    const arrive = ({ data, reply }: Arrived): void => {
      const mayReply = reply.startsWith('_INBOX.');
      try {
        const request = validInput(subject, ControlRequest, decode('json', data)) as ControlRequest;
        const result = answer(service, endpoints, request);
        if (mayReply && result !== undefined) transport.publish(reply, JSON.stringify(result));
      } catch (thrown) {
        const error = toPolybError(thrown);
        if (!isPolybError(thrown)) log.error({ err: thrown, subject }, 'a control request failed');
        if (mayReply && transport.connected)
          transport.publish(reply, JSON.stringify(toProblem(error)), headerBlock({ 'polyb-code': error.code }));
      }
    };
    subscriptions.push(
      transport.subscribe(subject, arrive, { onError: (err) => log.error({ err, subject }, 'control requests cannot be received') }),
    );
  }

  return {
    listen,
    close() {
      taps.close();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };

  /** Sends records in batches to the taps of the last 30 s; records that do not fit are counted. */
  function createTaps({ transport: out }: ControlParts): { lease(to: string, addresses: readonly string[]): void; close(): void } {
    const leases = new Map<string, { until: number; addresses: ReadonlySet<string>; batch: CallRecord[]; dropped: number }>();
    let timer: ReturnType<typeof setInterval> | undefined;
    let watching: Disposable | undefined;
    const watch = (record: CallRecord): void => {
      for (const lease of leases.values()) {
        if (!lease.addresses.has(record.address)) continue;
        if (lease.batch.length < batchRecords) lease.batch.push(record);
        else lease.dropped += 1;
      }
    };
    const close = (): void => {
      clearInterval(timer);
      timer = undefined;
      watching?.[Symbol.dispose]();
      watching = undefined;
      leases.clear();
    };
    const flush = (): void => {
      for (const [to, lease] of leases) {
        if (lease.until <= now()) leases.delete(to);
        if (lease.batch.length + lease.dropped === 0 || !out.connected) continue;
        out.publish(to, JSON.stringify({ instance, dropped: lease.dropped, records: lease.batch }));
        lease.batch = [];
        lease.dropped = 0;
      }
      if (leases.size === 0) close();
    };
    return {
      lease(to, addresses) {
        const before = leases.get(to);
        leases.set(to, {
          batch: before?.batch ?? [],
          dropped: before?.dropped ?? 0,
          until: now() + leaseMs,
          addresses: new Set([...(before?.addresses ?? []), ...addresses]),
        });
        watching ??= recorder.onRecord(watch);
        timer ??= setInterval(flush, batchMs);
      },
      close,
    };
  }
}
