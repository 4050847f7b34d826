/** Asterisk's REST interface, and its events over a WebSocket. Source: docs.asterisk.org, Asterisk REST Interface (Channels, Events). */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';

export interface AriOptions {
  /** `http://127.0.0.1:8088/ari` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}
export interface Originate {
  /** Our id; Asterisk refuses a second channel with it while the first one is up. */
  readonly channelId: string;
  /** `PJSIP/79995553322@trunk` */
  readonly endpoint: string;
  readonly context: string;
  readonly callerId: string | undefined;
  readonly timeoutSeconds: number;
  readonly variables: Readonly<Record<string, string>>;
}
/** A channel changed. `cause` is that of Q.850. */
export type ChannelEvent =
  | { readonly type: 'ringing'; readonly channelId: string }
  | { readonly type: 'up'; readonly channelId: string }
  | { readonly type: 'destroyed'; readonly channelId: string; readonly cause: number | null };
export interface Ari {
  /** @throws PolybError failed_precondition/gateway_refused for a definite refusal */
  originate(request: Originate, signal: AbortSignal): Promise<void>;
  /** A channel that is gone is no error. */
  hangUp(channelId: string, signal: AbortSignal): Promise<void>;
  hold(channelId: string, isHeld: boolean, signal: AbortSignal): Promise<void>;
  sendDtmf(channelId: string, digits: string, signal: AbortSignal): Promise<void>;
  /** Sends the channel elsewhere in the dialplan. */
  redirect(channelId: string, to: { readonly context: string; readonly extension: string }, signal: AbortSignal): Promise<void>;
  /** Whether the channel is there. */
  exists(channelId: string, signal: AbortSignal): Promise<boolean>;
  /** Follows all channels until `stop`. `onConnected` is called after each connection: changes before it were missed. */
  follow(onEvent: (event: ChannelEvent) => void, onConnected: (isConnected: boolean) => void): () => void;
}

const reconnectMs = 1_000;
const Event = z.object({
  type: z.string().max(64),
  channel: z.object({ id: z.string().max(150), state: z.string().max(32).optional() }).optional(),
  cause: z.number().int().optional(),
});

export function ari({ url, user, password }: AriOptions, { http, log }: Pick<Deps, 'http' | 'log'>): Ari {
  const base = url.replace(/\/+$/, '');
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  async function request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    operation: string,
    signal: AbortSignal,
    body?: object,
  ): Promise<HttpAnswer> {
    return http({
      method,
      url: `${base}${path}`,
      operation,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
  }
  const channel = (id: string, rest = ''): string => `/channels/${encodeURIComponent(id)}${rest}`;
  const expectDone = (answer: HttpAnswer, what: string): void => {
    if (answer.status === 404) throw new PolybError('not_found', 'Asterisk has no such channel.');
    if (answer.status > 299) throw httpFailure(answer, what, 'gateway_refused');
  };
  return {
    async originate({ channelId, endpoint, context, callerId, timeoutSeconds, variables }, signal) {
      const query = new URLSearchParams({ endpoint, context, extension: 's', priority: '1', timeout: String(timeoutSeconds) });
      if (callerId !== undefined) query.set('callerId', callerId);
      const answer = await request('POST', `${channel(channelId)}?${query}`, 'originate', signal, { variables });
      if (answer.status > 299) throw httpFailure(answer, 'The call', 'gateway_refused');
    },
    async hangUp(channelId, signal) {
      const answer = await request('DELETE', channel(channelId, '?reason_code=16'), 'hangup', signal);
      if (answer.status !== 404) expectDone(answer, 'Hanging up');
    },
    async hold(channelId, isHeld, signal) {
      const method = isHeld ? 'POST' : 'DELETE';
      expectDone(await request(method, channel(channelId, '/hold'), 'hold', signal), 'Holding the call');
      // Music is heard only where Asterisk plays it.
      expectDone(await request(method, channel(channelId, '/moh'), 'moh', signal), 'Playing music');
    },
    async sendDtmf(channelId, digits, signal) {
      const answer = await request('POST', channel(channelId, `/dtmf?${new URLSearchParams({ dtmf: digits })}`), 'dtmf', signal);
      expectDone(answer, 'Sending keys');
    },
    async redirect(channelId, { context, extension }, signal) {
      const query = new URLSearchParams({ context, extension, priority: '1' });
      expectDone(await request('POST', channel(channelId, `/continue?${query}`), 'continue', signal), 'Transferring the call');
    },
    async exists(channelId, signal) {
      const answer = await request('GET', channel(channelId), 'get_channel', signal);
      if (answer.status === 404) return false;
      if (answer.status > 299) throw httpFailure(answer, 'Reading the channel', 'gateway_refused');
      return true;
    },
    follow(onEvent, onConnected) {
      const query = new URLSearchParams({ app: 'polyb', subscribeAll: 'true', api_key: `${user}:${password}` });
      let socket: WebSocket | undefined;
      let timer: NodeJS.Timeout | undefined;
      let isStopped = false;
      const connect = (): void => {
        socket = new WebSocket(`${base.replace(/^http/, 'ws')}/events?${query}`);
        socket.addEventListener('open', () => onConnected(true));
        socket.addEventListener('message', ({ data }) => {
          const event = eventOf(data);
          if (event !== null) onEvent(event);
        });
        socket.addEventListener('error', () => log.debug({}, 'the events of Asterisk could not be read')); // `close` follows
        socket.addEventListener('close', () => {
          onConnected(false);
          if (!isStopped) timer = setTimeout(connect, reconnectMs);
        });
      };
      connect();
      return () => {
        isStopped = true;
        clearTimeout(timer);
        socket?.close();
      };
    },
  };
}

function eventOf(data: unknown): ChannelEvent | null {
  if (typeof data !== 'string') return null;
  let parsed: z.output<typeof Event> | undefined;
  try {
    parsed = Event.safeParse(JSON.parse(data)).data;
  } catch {
    return null; // Not JSON: no event.
  }
  if (parsed?.channel === undefined) return null;
  const { id: channelId, state } = parsed.channel;
  switch (parsed.type) {
    case 'ChannelStateChange':
      if (state === 'Ringing' || state === 'Ring') return { type: 'ringing', channelId };
      return state === 'Up' ? { type: 'up', channelId } : null;
    case 'ChannelDestroyed':
      return { type: 'destroyed', channelId, cause: parsed.cause ?? null };
    default:
      return null;
  }
}
