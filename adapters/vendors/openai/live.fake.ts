/**
 * A fake GPT-Live server for SIP calls: it accepts, refers and ends them, and has sidebands with transcripts and a backend that calls
 * functions. It refuses unknown fields. Source: OpenAI API reference, Live. For tests.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { type FakeServer, fakeServer } from '../../fake-server.ts';
import type { FakeAnswer, FakeItem } from '../../realtime/realtime.fake.ts';

type Json = Readonly<Record<string, unknown>>;
export interface FakeLive {
  /** `ws://127.0.0.1:…/v1/live` */
  readonly url: string;
  readonly http: FakeServer;
  /** Events of clients, oldest first, of all sidebands. */
  readonly received: readonly Json[];
  /** Words of both sides, results and instructions of the latest session. */
  readonly items: readonly FakeItem[];
  readonly attached: (sessionId: string) => number;
  /** @param areWordsLate the transcript comes after the first words of the answer */
  customerSays(text: string, how?: { readonly areWordsLate?: boolean }): void;
  customerPresses(key: string): void;
  customerHangsUp(sessionId: string): void;
  drop(): void;
  close(): Promise<void>;
}
const msPerLetter = 20;
const sessionFields = ['type', 'model', 'instructions', 'audio', 'delegation', 'input', 'store', 'triggers'];
const path = /^v1\/live\/sessions\/([^/]+)\/(accept|refer|reject|hangup|attach)$/;

export async function fakeLive({
  answers,
  apiKey = 'sk-test',
}: {
  readonly answers: (items: readonly FakeItem[]) => FakeAnswer;
  readonly apiKey?: string;
}): Promise<FakeLive> {
  const sockets = new WebSocketServer({ noServer: true });
  const received: Json[] = [];
  const accepted = new Set<string>();
  const sidebands = new Map<string, WebSocket[]>();
  let items: FakeItem[] = [];
  let ids = 0;
  let latest = { say(_text: string, _areWordsLate: boolean): void {}, press(_key: string): void {} };
  const id = (prefix: string): string => {
    ids += 1;
    return `${prefix}_${ids}`;
  };
  function end(session: string): void {
    accepted.delete(session);
    for (const socket of sidebands.get(session) ?? []) {
      socket.send(JSON.stringify({ type: 'session.closed', event_id: id('event'), usage: { seconds: 1 } }));
      socket.close();
    }
  }
  const http = await fakeServer({ onUpgrade: upgrade }, ({ path: asked, headers, body }) => {
    if (headers.authorization !== `Bearer ${apiKey}`) return { status: 401 };
    const [, session = '', action] = path.exec(asked) ?? [];
    if (action === undefined) return { status: 404 };
    if (action === 'accept') {
      const given = JSON.parse(body) as { readonly session?: Json };
      const unknown = Object.keys(given.session ?? {}).filter((field) => !sessionFields.includes(field));
      if (given.session?.type !== 'live' || unknown.length > 0) return { status: 400, body: { error: { code: 'unknown_parameter' } } };
      if (accepted.has(session)) return { status: 409 };
      accepted.add(session);
      return { status: 200, body: {} };
    }
    end(session);
    return { status: 200, body: {} };
  });
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [, session = '', action] = path.exec((request.url ?? '').slice(1)) ?? [];
    if (action !== 'attach' || !accepted.has(session) || request.headers.authorization !== `Bearer ${apiKey}`) {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      sidebands.set(session, [...(sidebands.get(session) ?? []), opened]);
      converse(opened);
    });
  }

  function converse(socket: WebSocket): void {
    const mine: FakeItem[] = [];
    items = mine;
    let clockMs = 0;
    let pending = 0;
    const send = (event: Json): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event_id: id('event'), ...event }));
    };
    const backend = (event: Json): void => send({ type: 'response.event', delegation_id: 'delegation_1', event });
    function transcribe(type: string, text: string, startMs: number): void {
      const middle = Math.floor(text.length / 2);
      for (const [from, to] of [
        [0, middle],
        [middle, text.length],
      ] as const)
        send({
          type,
          ...{ delta: text.slice(from, to), start_ms: startMs + from * msPerLetter, end_ms: startMs + to * msPerLetter },
        });
    }
    function speak(text: string): void {
      mine.push({ id: id('item'), role: 'assistant', text, ms: text.length * msPerLetter });
      // Both sides are reflected.
      send({ type: 'session.output_audio.delta', delta: 'AAAA' });
      transcribe('session.output_transcript.delta', text, clockMs);
      clockMs += text.length * msPerLetter;
    }
    function respond(): void {
      const { says, calls = [] } = answers(mine);
      if (says !== undefined) speak(says);
      if (calls.length === 0) return;
      pending = calls.length;
      const response = { id: id('resp'), output: [] };
      send({
        type: 'session.delegation.created',
        offset_ms: clockMs,
        delegation: { id: 'delegation_1', type: 'delegation', target: 'responses' },
      });
      backend({ type: 'response.created', response });
      for (const call of calls)
        backend({
          type: 'response.output_item.done',
          item: { type: 'function_call', call_id: id('call'), name: call.name, arguments: JSON.stringify(call.arguments) },
        });
      backend({ type: 'response.completed', response });
    }
    latest = {
      say(text, areWordsLate) {
        const startMs = clockMs;
        clockMs += text.length * msPerLetter;
        mine.push({ id: id('item'), role: 'user', text, ms: 0 });
        const write = (): void => transcribe('session.input_transcript.delta', text, startMs);
        if (!areWordsLate) write();
        respond();
        if (areWordsLate) write();
      },
      press: (key) => send({ type: 'transport.dtmf.received', event: key }),
    };
    socket.on('message', (data) => {
      const event = JSON.parse(String(data)) as Json;
      received.push(event);
      switch (event.type) {
        case 'session.update':
          if (Object.keys(event.session as Json).some((key) => key !== 'delegation'))
            send({ type: 'error', error: { type: 'invalid_request_error', code: 'immutable_field_update', message: 'immutable' } });
          else send({ type: 'session.updated', session: {} });
          return;
        case 'response.item.create':
          pending -= 1;
          mine.push({ id: id('item'), role: 'tool', text: String((event.item as Json).output), ms: 0 });
          return;
        case 'response.create':
          if (pending > 0)
            send({ type: 'error', error: { type: 'invalid_request_error', code: 'pending_calls', message: 'results are missing' } });
          else respond();
          return;
        case 'session.instructions.append':
          mine.push({ id: id('item'), role: 'system', text: String(event.content), ms: 0 });
          send({ type: 'session.instructions.appended', start_ms: clockMs, end_ms: clockMs });
          respond();
          return;
        default:
          send({ type: 'error', error: { type: 'invalid_request_error', code: 'unknown_event', message: 'unknown' } });
      }
    });
  }
  return {
    url: `${http.url.replace('http', 'ws')}/v1/live`,
    ...{ http, received },
    get items() {
      return items;
    },
    attached: (session) => sidebands.get(session)?.length ?? 0,
    customerSays: (text, { areWordsLate = false } = {}) => latest.say(text, areWordsLate),
    customerPresses: (key) => latest.press(key),
    customerHangsUp: end,
    drop() {
      for (const socket of sockets.clients) socket.terminate();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      await http.close();
      sockets.close();
    },
  };
}
