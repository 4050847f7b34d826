/** The WebSocket of a session with a provider of speech models. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';

/** @throws PolybError unavailable, resource_exhausted, upstream_failed, cancelled, failed_precondition/upstream_credentials or upstream_refused */
export async function connected(socket: WebSocket, provider: string, signal: AbortSignal): Promise<void> {
  const refusal = Promise.withResolvers<never>();
  refusal.promise.catch(() => {}); // It may follow the connection.
  socket.on('unexpected-response', (_request, response: IncomingMessage) => {
    refusal.reject(refusedWith(response.statusCode ?? 0, provider));
    response.destroy();
  });
  socket.on('error', (cause) =>
    refusal.reject(new PolybError('unavailable', `${provider} cannot be reached.`, { reason: 'not_connected', cause })),
  );
  try {
    await Promise.race([once(socket, 'open', { signal }), refusal.promise]);
  } catch (error) {
    throw isPolybError(error) ? error : new PolybError('cancelled', 'The speech session is no longer wanted.', { cause: error });
  }
}
function refusedWith(status: number, provider: string): PolybError {
  if (status === 401 || status === 403)
    return new PolybError('failed_precondition', `${provider} rejects the key; check the credentials in the settings.`, {
      reason: 'upstream_credentials',
    });
  if (status === 429) return new PolybError('resource_exhausted', `${provider}: too many requests; try later.`);
  if (status >= 400 && status < 500)
    return new PolybError('failed_precondition', `${provider} refused the session with ${status}.`, { reason: 'upstream_refused' });
  return new PolybError('upstream_failed', `${provider} refused the session with ${status}.`, { reason: 'upstream_status' });
}
export const broken = (provider: string, reason: 'silent' | 'closed' | 'stalled'): PolybError =>
  new PolybError('unavailable', `The session with ${provider} broke off: ${reason}.`, { reason: `session_${reason}` });
