/** Liveness and readiness: `application/health+json`. */
import type { FastifyInstance } from 'fastify';
import type { Cache } from '../../adapters/cache/port.ts';
import type { Queries } from '../../bus/service.ts';
import type { DependencyReport } from '../../bus/telemetry/dependency-reports.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Figures } from './figures.ts';

export interface HealthParts {
  readonly bus: { readonly connected: boolean };
  readonly db: Queries;
  readonly cache: Pick<Cache, 'state'>;
  readonly dependencies: () => Promise<readonly DependencyReport[]>;
  readonly figures: Figures;
  readonly version: string;
  readonly isDraining: () => boolean;
  readonly now: () => number;
}
interface Check {
  /** `warn`: works with limitations. */
  readonly status: 'pass' | 'warn' | 'fail';
  /** The reporting service; default: the gateway. */
  readonly componentId?: string;
  readonly time: string;
  readonly output?: string;
}
type Checks = Readonly<Record<string, readonly Check[]>>;
const patienceMs = 2_000;

export function addHealth(app: FastifyInstance, parts: HealthParts): void {
  const { bus, db, cache, dependencies, figures, version, isDraining, now } = parts;

  /** Dependencies without which no request can be served. */
  async function needed(): Promise<Checks> {
    const time = new Date(now()).toISOString();
    const check = (isWell: boolean, output: string): readonly Check[] => [
      isWell ? { status: 'pass', time } : { status: 'fail', time, output },
    ];
    const isStored = await Promise.race([
      db.query('select 1').then(
        () => true,
        () => false, // The log of the store has the reason; a probe needs only the state.
      ),
      new Promise<boolean>((resolve) => setTimeout(resolve, patienceMs, false).unref()),
    ]);
    return {
      'nats:connection': check(bus.connected, 'not connected'),
      'postgresql:connection': check(isStored, 'does not respond'),
      ...(isDraining() ? { 'process:state': check(false, 'shutting down') } : {}),
    };
  }
  /** Dependencies without which some work waits or degrades. */
  async function missed(): Promise<Checks> {
    const time = new Date(now()).toISOString();
    const redis: Check =
      cache.state() === 'away'
        ? { status: 'warn', time, output: 'unavailable: each process counts rates on its own' }
        : { status: 'pass', time };
    const byTarget = Map.groupBy(await dependencies(), ({ target }) => target);
    const missing = [...(await figures.ready())].filter(([, isReady]) => !isReady);
    return {
      ...(cache.state() === 'own' ? {} : { 'redis:connection': [redis] }),
      ...Object.fromEntries(
        missing.map(([service]) => [
          `service:${service}`,
          [{ status: 'warn', time, output: `does not respond; see polyb status` } as const],
        ]),
      ),
      ...Object.fromEntries([...byTarget].map(([target, reports]) => [target, reports.map(checkOf)])),
    };
  }
  const readiness = async (isWhole: boolean): Promise<{ readonly code: number; readonly body: string }> => {
    const all: Checks = { ...(await needed()), ...(isWhole ? await missed() : {}) };
    const statuses = Object.values(all).flatMap((checks) => checks.map(({ status }) => status));
    const status = (['fail', 'warn'] as const).find((each) => statuses.includes(each)) ?? 'pass';
    const body = { status, version, serviceId: 'gateway', ...(isWhole || status !== 'pass' ? { checks: all } : {}) };
    return { code: status === 'fail' ? 503 : 200, body: JSON.stringify(body) };
  };
  // Liveness does not check others: a restart would not help them.
  app.get('/livez', (_, reply) => reply.header('content-type', healthType).send(JSON.stringify({ status: 'pass', version })));
  for (const path of ['/readyz', '/health', '/healthz'])
    app.get(path, async (request, reply) => {
      const { code, body } = await readiness(path === '/health' || (request.query as { verbose?: string }).verbose !== undefined);
      return reply.code(code).header('content-type', healthType).send(body);
    });
  app.get('/metrics', async (request, reply) => {
    const { of = 'all' } = request.query as { of?: unknown };
    if (of !== 'all' && of !== 'self')
      throw new PolybError('invalid_argument', 'Bad of: expected all or self.', { reason: 'bad_parameters' });
    return reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await figures.metrics(of));
  });
  app.get('/stats', async (_, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify({ services: await figures.services() })),
  );
}
function checkOf({ service, failure, since, at }: DependencyReport): Check {
  const seen = { componentId: service, time: new Date(at).toISOString() };
  return failure === null
    ? { status: 'pass', ...seen }
    : { status: 'warn', ...seen, output: `${failure} since ${new Date(since).toISOString()}` };
}
const healthType = 'application/health+json';
