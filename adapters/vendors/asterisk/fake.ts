/**
 * An Asterisk as far as telephony sees it: channels of its REST interface, their events, and its WebSocket channel, with their limits.
 * Sources: docs.asterisk.org, Asterisk REST Interface and Channel-Drivers/WebSocket.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket, WebSocketServer } from 'ws';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';
import type { FarCall } from '../../telephony/leg-conformance.ts';
import { type FakeLine, fakeLine } from '../../telephony/line.fake.ts';

export const asteriskUser = { user: 'polyb', password: 'secret-of-asterisk' } as const;
/** Frames in the queue of a channel, and those at which it asks to stop and to go on. */
const queueMost = 1000;
const xoff = 900;
const xon = 800;

export interface AsteriskFake extends FakeServer {
  /** Calls in the order in which they were originated. */
  readonly calls: readonly FarCall[];
  /** Calls in through `Dial(WebSocket/…n…)`. */
  call(url: string, from: string, to: string): FarCall;
  /** What clients of the WebSocket are told: JSON, or text as before 20.18. */
}
export interface AsteriskFakeOptions extends Pick<FakeServerOptions, 'port' | 'effects'> {
  readonly control?: 'json' | 'text';
  /** URL of `websocket_client.conf` for a client's name. */
  readonly clientUrl: (client: string) => string;
}
interface Channel {
  readonly id: string;
  socket: WebSocket | undefined;
  line: FakeLine | undefined;
  isUp: boolean;
  hasEnded: boolean;
}

export async function asteriskFake({ port, effects, control = 'json', clientUrl }: AsteriskFakeOptions): Promise<AsteriskFake> {
  const channels = new Map<string, Channel>();
  const calls: FarCall[] = [];
  const events = new WebSocketServer({ noServer: true });
  const publish = (event: object): void => {
    for (const client of events.clients)
      client.send(JSON.stringify({ application: 'polyb', timestamp: new Date().toISOString(), ...event }));
  };
  const authorised = `Basic ${Buffer.from(`${asteriskUser.user}:${asteriskUser.password}`).toString('base64')}`;

  function end(channel: Channel, cause: number): void {
    if (channel.hasEnded) return;
    channel.hasEnded = true;
    channel.line?.stop();
    channel.socket?.close();
    channels.delete(channel.id);
    publish({ type: 'ChannelDestroyed', cause, cause_txt: 'told by the fake', channel: { id: channel.id, state: 'Down' } });
  }
  const change = (channel: Channel, state: string): void => publish({ type: 'ChannelStateChange', channel: { id: channel.id, state } });
  /** Connects a channel's media with a client of websocket_client.conf. */
  function connect(channel: Channel, url: string, isAnswered: boolean): void {
    const socket = new WebSocket(url, ['media'], { maxPayload: 65_500 });
    channel.socket = socket;
    const say = (event: string, fields: Readonly<Record<string, string>> = {}): void => {
      if (socket.readyState !== socket.OPEN) return;
      const words = Object.entries(fields).map(([name, value]) => `${name}:${value}`);
      socket.send(control === 'json' ? JSON.stringify({ event, ...fields }) : [event, ...words].join(' '));
    };
    let isFull = false;
    const line = fakeLine({
      framesMost: queueMost,
      onMark: (id) => say('MEDIA_MARK_PROCESSED', { correlation_id: id }),
      onQueue(frames) {
        if (isFull ? frames > xon : frames < xoff) return;
        isFull = !isFull;
        say(isFull ? 'MEDIA_XOFF' : 'MEDIA_XON');
      },
    });
    channel.line = line;
    socket.on('open', () => {
      const start = {
        connection_id: 'polyb',
        channel: `WebSocket/polyb/${channel.id}`,
        channel_id: channel.id,
        format: 'ulaw',
        optimal_frame_size: '160',
        ptime: '20',
      };
      say('MEDIA_START', start);
      channel.isUp ||= isAnswered;
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        if (!line.push(data)) end(channel, 16);
        return;
      }
      const { command, id } = commandOf(data.toString('utf8'));
      if (command === 'ANSWER') channel.isUp = true;
      else if (command === 'HANGUP') end(channel, 16);
      else if (command === 'FLUSH_MEDIA') line.flush();
      else if (command === 'MARK_MEDIA') line.mark(id);
    });
    socket.on('error', () => end(channel, 38));
    socket.on('close', () => end(channel, 16));
  }
  function farCall(channel: Channel, onAnswer: () => void): FarCall {
    return {
      ring: () => change(channel, 'Ringing'),
      answer() {
        channel.isUp = true;
        change(channel, 'Up');
        onAnswer();
      },
      refuse: () => end(channel, 17),
      hangUp: () => end(channel, 16),
      isConnected: () => channel.socket?.readyState === WebSocket.OPEN,
      speak: (audio) => channel.socket?.send(audio),
      press(digit) {
        channel.socket?.send(control === 'json' ? JSON.stringify({ event: 'DTMF_END', digit }) : `DTMF_END digit:${digit}`);
      },
      heard: () => channel.line?.heard() ?? new Uint8Array(0),
      hasEnded: () => channel.hasEnded,
    };
  }
  const opened = (id: string): Channel => {
    const channel: Channel = { id, socket: undefined, line: undefined, isUp: false, hasEnded: false };
    channels.set(id, channel);
    return channel;
  };

  const server = await fakeServer(
    {
      base: 'ari/',
      port,
      effects,
      onUpgrade(request, socket, head) {
        const { pathname, searchParams } = new URL(request.url ?? '/', 'ws://asterisk');
        if (pathname !== '/ari/events' || searchParams.get('api_key') !== `${asteriskUser.user}:${asteriskUser.password}`) {
          socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
          return;
        }
        events.handleUpgrade(request, socket, head, (client) => client.on('error', () => client.terminate()));
      },
    },
    ({ method, path, query, headers, body }) => {
      if (headers.authorization !== authorised) throw new Refusal({ status: 401, body: { message: 'Authentication required' } });
      const [, id = '', act] = /^channels\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
      const channelId = decodeURIComponent(id);
      const channel = channels.get(channelId);
      const asked = new URLSearchParams(query);
      if (method === 'POST' && act === undefined) {
        if (channel !== undefined) throw new Refusal({ status: 409, body: { message: 'Channel with given unique ID already exists' } });
        const { variables } = JSON.parse(body) as { readonly variables: Readonly<Record<string, string>> };
        const made = opened(channelId);
        server.effect({ did: 'dial', entity: 'call', id: channelId, endpoint: asked.get('endpoint') });
        const url = `${clientUrl(variables.POLYB_CLIENT ?? '')}?leg=${encodeURIComponent(variables.POLYB_LEG ?? '')}`;
        calls.push(farCall(made, () => connect(made, url, true)));
        return { body: { id: channelId, state: 'Down' } };
      }
      if (channel === undefined) throw new Refusal({ status: 404, body: { message: 'Channel not found' } });
      if (method === 'GET') return { body: { id: channelId, state: channel.isUp ? 'Up' : 'Ringing' } };
      if (method === 'DELETE' && act === undefined) end(channel, 16);
      return { status: 204 };
    },
  );
  return {
    ...server,
    get seen() {
      return server.seen;
    },
    calls,
    call(url, from, to) {
      const channel = opened(randomUUID());
      const query = new URLSearchParams({ channel: channel.id, from, to });
      connect(channel, `${url}?${query}`, false);
      return farCall(channel, () => {});
    },
    async close() {
      for (const channel of [...channels.values()]) end(channel, 16);
      for (const client of events.clients) client.terminate();
      await server.close();
    },
  };
}

/** `{"command":"MARK_MEDIA","correlation_id":"a"}`, or `MARK_MEDIA a`. */
function commandOf(message: string): { readonly command: string; readonly id: string } {
  if (!message.startsWith('{')) {
    const [command = '', id = ''] = message.split(' ');
    return { command, id };
  }
  const { command, correlation_id: id = '' } = JSON.parse(message) as { command: string; correlation_id?: string };
  return { command, id };
}

if (import.meta.main)
  await runFake((options) => asteriskFake({ ...options, clientUrl: (client) => `ws://127.0.0.1:${client.replace(/\D/g, '')}/media` }));
