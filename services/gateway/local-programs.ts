/** Admits programs of this machine to the paths of former programs without a key, as those programs did. */
import type { FastifyRequest } from 'fastify';
import { PolybError } from '../../contracts/kit/errors.ts';
import { isLoopback } from '../../contracts/kit/loopback.ts';
import type { Identity } from './keys.ts';

/** All of them together: one client with one rate, which may neither manage nor approve anything. */
export const localPrograms: Identity = {
  keyId: 'local',
  client: 'local',
  person: null,
  actor: 'local/local',
  expiresAtMs: Number.POSITIVE_INFINITY,
  allows: (scope) => scope === 'read' || scope === 'send',
  namespace: 'local',
};

/** Whether the path is of a former program, like `/leads`. Calls to customers, approvals and history are under `/api`. */
export const isFormerPath = (path: string): boolean => !path.startsWith('/api/');

/** Headers of credentials, of browsers, whose pages come from anywhere, and of proxies, whose clients are anywhere. */
const foreign = [
  ...['x-api-key', 'authorization', 'cookie'],
  ...['origin', 'referer', 'sec-fetch-site'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'],
];

/**
 * Whether a program of this machine sent the request: from a loopback address to a loopback name. A web page that reaches this server
 * under a name of its own (DNS rebinding) sends that name.
 */
export function isLocalProgram({ headers, socket, hostname }: FastifyRequest): boolean {
  return isLoopback(socket.remoteAddress ?? '') && isLoopback(hostname) && foreign.every((name) => headers[name] === undefined);
}

/** @throws PolybError failed_precondition/bad_settings where requests of other machines could look like those of this one. */
export function requireOwnMachine(settings: { readonly GATEWAY_HOST: string; readonly GATEWAY_TRUSTED_PROXIES: readonly string[] }): void {
  if (isLoopback(settings.GATEWAY_HOST) && settings.GATEWAY_TRUSTED_PROXIES.length === 0) return;
  throw new PolybError(
    'failed_precondition',
    'GATEWAY_PORTS_WITHOUT_KEYS=true admits programs of this machine only: set GATEWAY_HOST=127.0.0.1 and no GATEWAY_TRUSTED_PROXIES, or create a key (polyb keys create).',
    { reason: 'bad_settings' },
  );
}
