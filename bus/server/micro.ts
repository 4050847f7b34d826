/** The NATS micro protocol (ADR-32), so that `nats micro` and other tools of NATS find the services. */
import { createHash } from 'node:crypto';
import { deprecationText } from '../../contracts/kit/deprecation.ts';
import { type JsonSchema, partsOf, schemaHash } from '../../contracts/kit/describe.ts';
import type { MetricReport } from '../../contracts/kit/metric.ts';
import type { Health } from '../telemetry/dependencies.ts';
import { statsOf } from '../telemetry/stats.ts';
import type { Subscription, Transport } from '../transports/transport.ts';
import { isDiscoveryInbox, signature } from '../wire/subjects.ts';
import type { Endpoint } from './server-parts.ts';

export interface MicroParts {
  readonly transport: Transport;
  /** The daemon's folder. */
  readonly daemon: string;
  readonly instance: string;
  readonly log: { warn(facts: object, message: string): void };
  /** Metrics of the instance beside its calls: the `data` of STATS. */
  readonly metricReports: (() => Promise<readonly MetricReport[]>) | undefined;
  readonly health: Pick<Health, 'statuses'>;
}
const queueGroup = 'q';
const verbs = ['PING', 'INFO', 'STATS'] as const;

/** Announces one contract. Returns how to stop. */
export function announceMicro(
  { transport, daemon, instance, log, metricReports, health }: MicroParts,
  service: string,
  endpoints: readonly Endpoint[],
): () => void {
  const started = new Date().toISOString();
  const hashes = endpoints.map(({ entry }) => `${entry.address} ${schemaHash(entry)}`).sort();
  const identity = {
    name: service,
    id: instance,
    version: endpoints[0]?.entry.version ?? '0.0.0',
    metadata: { 'polyb.daemon': daemon, 'polyb.schema': createHash('sha256').update(hashes.join('\n')).digest('hex').slice(0, 16) },
  };
  const infos = endpoints.map((endpoint) => ({
    name: endpoint.entry.name,
    subject: subjectOf(endpoint),
    queue_group: queueGroup,
    metadata: metadataOf(endpoint),
  }));
  const replies: Readonly<Record<(typeof verbs)[number], () => object | Promise<object>>> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity, metadata: { ...identity.metadata, ...dependencyHealth(health) } }),
    INFO: () => ({ type: 'io.nats.micro.v1.info_response', ...identity, description: `${service}, served by ${daemon}`, endpoints: infos }),
    STATS: async () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started,
      endpoints: endpoints.map(statsEntry),
      ...(metricReports === undefined ? {} : { data: { metrics: await metricReports() } }),
    }),
  };
  async function answer(verb: (typeof verbs)[number], reply: string): Promise<void> {
    const body = JSON.stringify(await replies[verb]());
    if (transport.connected) transport.publish(reply, body);
  }
  const subscriptions: Subscription[] = verbs.flatMap((verb) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${service}`, `$SRV.${verb}.${service}.${instance}`].map((subject) =>
      transport.subscribe(
        subject,
        ({ reply }) => {
          if (isDiscoveryInbox(reply))
            answer(verb, reply).catch((err: unknown) => log.warn({ err, subject }, 'a discovery request failed'));
        },
        { onError: (err) => log.warn({ err, subject }, 'the service cannot be discovered') },
      ),
    ),
  );
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

/** Metadata values are strings. */
function dependencyHealth(health: Pick<Health, 'statuses'>): Readonly<Record<string, string>> {
  const statuses = health.statuses();
  return statuses.length === 0 ? {} : { 'polyb.health': JSON.stringify(statuses) };
}
/** Entries without roles are listed at the bare subject, at which they can be called by hand. */
function subjectOf({ entry, subject }: Endpoint): string {
  const called = entry.owner === undefined ? subject : `${subject}.*`;
  return entry.roles === undefined ? called : called + signature('*');
}
function metadataOf({ entry }: Endpoint): Record<string, string> {
  const reasons = Object.keys(entry.errors);
  const policy =
    entry.kind === 'stream'
      ? { 'polyb.stream': 'yes' }
      : {
          'polyb.idempotent': entry.idempotency === 'keyed' ? 'key' : 'yes',
          'polyb.impact': entry.reaches === 'customer' ? 'ext' : entry.idempotency === 'read' ? 'ro' : 'rw',
          ...(entry.deprecated === undefined ? {} : { 'polyb.deprecated': deprecationText(entry.deprecated) }),
        };
  const { input, output } = partsOf(entry);
  return {
    'polyb.schema': schemaHash(entry),
    // `polyb.ctl.<service>` returns the schemas: here they would make every INFO tens of kilobytes long.
    ...(input === undefined ? {} : { 'polyb.schema.request': digest(input.schema) }),
    ...(output === undefined ? {} : { 'polyb.schema.response': digest(output.schema) }),
    'polyb.timeout_ms': String(entry.timeoutMs),
    ...policy,
    ...(reasons.length === 0 ? {} : { 'polyb.errors': reasons.join(',') }),
  };
}
function digest(schema: JsonSchema): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(schema)).digest('hex')}`;
}
/** Times are whole nanoseconds and `last_error` is always present: the micro tools refuse anything else. */
function statsEntry(endpoint: Endpoint): object {
  const { requests, errors, dropped, inFlight, lastError, totalMs, p50Ms, p95Ms, p99Ms, codes, buckets, failed } = statsOf(
    endpoint.counter,
  );
  const total = Math.round(totalMs * 1e6);
  return {
    name: endpoint.entry.name,
    subject: subjectOf(endpoint),
    queue_group: queueGroup,
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: total,
    average_processing_time: requests === 0 ? 0 : Math.round(total / requests),
    data: { dropped, inFlight, p50Ms, p95Ms, p99Ms, codes, buckets, failed },
  };
}
