import { PolybError } from '../../contracts/kit/errors.ts';
import { notConnected, type Transport } from '../transports/transport.ts';
import { decode } from '../wire/codec.ts';
import { readHead } from '../wire/headers.ts';
import { randomHex } from '../wire/ids.ts';

export interface RequestManyOptions {
  /** Maximum total time; 1000. */
  readonly waitMs?: number | undefined;
  /** Ends when no reply came for this long; 300. */
  readonly quietMs?: number | undefined;
  readonly atMost?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Collects the replies of all listeners at `subject`; without a listener there are none. An error reply is left out.
 *  @throws PolybError unavailable/not_connected; cancelled. */
export async function gather(
  transport: Transport,
  subject: string,
  body: unknown,
  options: RequestManyOptions = {},
): Promise<readonly unknown[]> {
  const { waitMs = 1000, quietMs = 300, atMost = Number.POSITIVE_INFINITY, signal } = options;
  if (!transport.connected) throw notConnected();
  const answers: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const cancel = (): void =>
    done.reject(new PolybError('cancelled', 'The caller stopped waiting for replies.', { outcome: 'not_executed' }));
  if (signal?.aborted) cancel();
  const reply = `_INBOX.${transport.user}.${randomHex(16)}`;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  const subscription = transport.subscribe(reply, ({ headers, data }) => {
    const head = readHead(headers);
    if (head.status === 503) done.resolve();
    else if (head.code === '' && head.errorCode === 0) answers.push(decode('json', data));
    if (answers.length >= atMost) done.resolve();
    clearTimeout(quiet);
    quiet = setTimeout(done.resolve, quietMs);
  });
  const timer = setTimeout(done.resolve, waitMs);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    transport.publish(subject, body === undefined ? '' : JSON.stringify(body), '', reply);
    await done.promise;
    return answers;
  } finally {
    clearTimeout(timer);
    clearTimeout(quiet);
    signal?.removeEventListener('abort', cancel);
    subscription.unsubscribe();
  }
}
