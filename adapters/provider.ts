import { toPolybError } from '../contracts/kit/errors.ts';
import type { Counting } from '../contracts/kit/metric.ts';
import { providerRequests } from '../contracts/metrics.ts';
import type { Http } from './deps.ts';

/** The HTTP client for one adapter: each request is counted once, by provider and operation. */
export function providerHttp(http: Http, provider: string, metrics: Counting): Http {
  return async (request) => {
    const { operation = request.method } = request;
    const count = (outcome: string): void => metrics.count(providerRequests, { provider, operation, outcome });
    try {
      const answer = await http(request);
      count(outcomeOf(answer.status));
      return answer;
    } catch (error) {
      count(toPolybError(error).code);
      throw error;
    }
  };
}
function outcomeOf(status: number): string {
  if (status < 400) return 'ok';
  if (status === 429) return 'rate_limited';
  return status < 500 ? 'rejected' : 'failed';
}
