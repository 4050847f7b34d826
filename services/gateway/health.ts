/** Is it alive, may it be asked: `application/health+json`. */
import type { FastifyInstance } from 'fastify';
import type { Queries } from '../../bus/service.ts';
import type { Figures } from './figures.ts';

export interface HealthParts {
  readonly bus: { readonly connected: boolean };
  readonly db: Queries;
  readonly figures: Figures;
  readonly version: string;
  readonly isDraining: () => boolean;
  readonly now: () => number;
}
interface Check {
  readonly status: 'pass' | 'fail';
  readonly time: string;
  readonly output?: string;
}
const patienceMs = 2_000;

export function addHealth(app: FastifyInstance, { bus, db, figures, version, isDraining, now }: HealthParts): void {
  async function checks(): Promise<Readonly<Record<string, readonly Check[]>>> {
    const time = new Date(now()).toISOString();
    const check = (isWell: boolean, output: string): readonly Check[] => [
      isWell ? { status: 'pass', time } : { status: 'fail', time, output },
    ];
    const isStored = await Promise.race([
      db.query('select 1').then(
        () => true,
        () => false, // why is in the log of the store; a probe only asks whether
      ),
      new Promise<boolean>((resolve) => setTimeout(resolve, patienceMs, false).unref()),
    ]);
    return {
      'nats:connection': check(bus.connected, 'not connected'),
      'postgresql:connection': check(isStored, 'does not answer'),
      ...(isDraining() ? { 'process:state': check(false, 'shutting down') } : {}),
    };
  }
  const readiness = async (verbose: boolean): Promise<{ readonly code: number; readonly body: string }> => {
    const all = await checks();
    const isWell = Object.values(all).every(([one]) => one?.status === 'pass');
    const body = { status: isWell ? 'pass' : 'fail', version, serviceId: 'gateway', ...(verbose || !isWell ? { checks: all } : {}) };
    return { code: isWell ? 200 : 503, body: JSON.stringify(body) };
  };
  // Liveness asks nothing of others: a restart would not help them.
  app.get('/livez', (_, reply) => reply.header('content-type', healthType).send(JSON.stringify({ status: 'pass', version })));
  for (const path of ['/readyz', '/health', '/healthz'])
    app.get(path, async (request, reply) => {
      const { code, body } = await readiness(path === '/health' || (request.query as { verbose?: string }).verbose !== undefined);
      return reply.code(code).header('content-type', healthType).send(body);
    });
  app.get('/metrics', async (_, reply) =>
    reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await figures.metrics()),
  );
  app.get('/stats', async (_, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify({ services: await figures.services() })),
  );
}
const healthType = 'application/health+json';
