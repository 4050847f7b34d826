/** Events that `polyb listen --forward-to` posts to a program under development, signed as `polyb webhooks` signs them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createHttp } from '../../../adapters/http.ts';
import { standardWebhooks } from '../../../adapters/webhook/standard.ts';
import { toPolybError } from '../../../contracts/kit/errors.ts';
import { wrongUsage } from '../kernel/failure.ts';
import type { Output } from '../kernel/output.ts';

export interface Forward extends AsyncDisposable {
  /** Posts after what came before; a failure is noted and not repeated. */
  post(event: { readonly type: string; readonly at: string; readonly data: unknown }): void;
  /** Resolves when all is posted; how many failed. */
  drained(): Promise<number>;
}

/** @param secret `whsec_…`; one is made and shown unless given. */
export function forwardTo(url: string, secret: string | undefined, { out, signal }: { out: Output; signal: AbortSignal }): Forward {
  const at = URL.parse(url);
  if (at === null || !/^https?:$/.test(at.protocol))
    throw wrongUsage(`--forward-to: expected a URL of http or https; got "${url}"`, { subject: 'listen', next: ['polyb help listen'] });
  if (secret !== undefined && !/^whsec_[A-Za-z0-9+/]{16,}={0,2}$/.test(secret))
    throw wrongUsage('--secret: expected whsec_ and base64', { subject: 'listen', next: ['omit it: a new one is created and shown'] });
  const used = secret ?? `whsec_${randomBytes(24).toString('base64')}`;
  const http = createHttp({ allowPrivate: [at.origin] });
  const webhooks = standardWebhooks({}, { http, now: Date.now });
  let last: Promise<void> = Promise.resolve();
  let failed = 0;
  out.note(`posting to ${url}${secret === undefined ? `, signed with ${used}` : ''}`, 'ok');
  const send = async (event: Parameters<Forward['post']>[0]): Promise<void> => {
    const began = performance.now();
    const body = JSON.stringify({ type: event.type, timestamp: event.at, data: event.data });
    try {
      await webhooks.post({ url, id: `msg_${randomUUID()}`, body, secrets: [used], signal });
      out.note(`${event.type} accepted in ${Math.round(performance.now() - began)} ms`, 'ok');
    } catch (thrown) {
      failed += 1;
      out.note(`${event.type} not accepted: ${toPolybError(thrown).message}`, 'bad');
    }
  };
  return {
    post: (event) => {
      last = last.then(() => send(event));
    },
    drained: async () => {
      await last;
      return failed;
    },
    [Symbol.asyncDispose]: () => http.close(),
  };
}
