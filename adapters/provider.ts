import { toPolybError } from '../contracts/kit/errors.ts';
import type { Counting } from '../contracts/kit/metric.ts';
import { providerRequests } from '../contracts/metrics.ts';
import type { Deps, HttpAnswer, HttpRequest, HttpStreamAnswer } from './deps.ts';

/** The HTTP clients for one adapter: each request is counted once, by provider and operation; a streamed one by the end of its reply. */
export function providerHttp({ http, httpStream }: Clients, provider: string, metrics: Counting): Clients {
  async function once<R extends HttpRequest, A extends HttpAnswer | HttpStreamAnswer>(
    request: R,
    send: (request: R) => Promise<A>,
  ): Promise<A> {
    const { operation = request.method } = request;
    const count = (outcome: string): void => metrics.count(providerRequests, { provider, operation, outcome });
    try {
      const answer = await send(request);
      if ('chunks' in answer) return { ...answer, chunks: counted(answer.chunks, count) };
      count(outcomeOf(answer.status));
      return answer;
    } catch (error) {
      count(toPolybError(error).code);
      throw error;
    }
  }
  return { http: (request) => once(request, http), httpStream: (request) => once(request, httpStream) };
}
type Clients = Pick<Deps, 'http' | 'httpStream'>;
async function* counted(chunks: AsyncIterable<Uint8Array>, count: (outcome: string) => void): AsyncGenerator<Uint8Array> {
  let outcome = 'cancelled'; // The caller leaves before the end.
  try {
    yield* chunks;
    outcome = 'ok';
  } catch (error) {
    outcome = toPolybError(error).code;
    throw error;
  } finally {
    count(outcome);
  }
}
function outcomeOf(status: number): string {
  if (status < 400) return 'ok';
  if (status === 429) return 'rate_limited';
  return status < 500 ? 'rejected' : 'failed';
}
