import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import type { Log } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}
const patienceMs = 10_000;

/**
 * Where the system allows two processes to share a port, a second instance takes over without a gap; elsewhere it waits for the first to stop.
 * @throws PolybError failed_precondition/bad_settings when another program holds the port.
 */
export async function listen(app: FastifyInstance, { host, port }: Place, log: Log): Promise<void> {
  const reusePort = process.platform === 'linux';
  for (const until = Date.now() + patienceMs; ; await delay(200)) {
    try {
      // `reusePort` is Node's; the library passes unknown options on.
      await app.listen({ host, port, reusePort } as FastifyListenOptions);
      log.info({ host, port }, 'HTTP server listens');
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
      if (code !== 'EADDRINUSE' || Date.now() > until)
        throw new PolybError(
          'failed_precondition',
          `HTTP cannot listen on ${host}:${port} (${code}); set GATEWAY_HOST and GATEWAY_PORT to a free address.`,
          {
            reason: 'bad_settings',
            cause: error,
          },
        );
    }
  }
}
