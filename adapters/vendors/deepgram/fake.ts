/**
 * A fake of Deepgram's speech APIs: live recognition, Flux, recordings and voices. It uses fake speech. Source: developers.deepgram.com,
 * API reference, Listen v1 and v2, Speak v1.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { createFakeEar, fakeHeard, fakeSpeechOf } from '../../asr/fake-speech.ts';
import type { Word } from '../../asr/port.ts';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';

export const deepgramKey = 'key-of-deepgram';
export interface DeepgramFake extends FakeServer {
  /** Number of open live connections. */
  readonly connections: number;
  /** Accepts connections and audio but sends nothing, until `recover`. */
  stall(): void;
  recover(): void;
  /** Drops open connections. */
  cut(): void;
}
const idleMs = 10_000;
const speakChars = 2_000;
const pieceBytes = 4_000;
/** Silence after which a turn is probably over. */
const likelyMs = 160;
const refusals = {
  key: { status: 401, body: { err_code: 'INVALID_AUTH', err_msg: 'Invalid credentials.' } },
  model: { status: 400, body: { err_code: 'Bad Request', err_msg: 'Bad Request: No such model/version combination found.' } },
} as const;

interface Connection {
  send(message: object): void;
  close(): void;
}
interface Listener {
  audio(bytes: Uint8Array): void;
  /** Handles a message; returns false if there is no such type. */
  message(type: string): boolean;
}

export async function deepgramFake(options: Pick<FakeServerOptions, 'port' | 'effects'> = {}): Promise<DeepgramFake> {
  const sockets = new WebSocketServer({ noServer: true });
  let isStalled = false;
  let waiting = Promise.withResolvers<void>();

  function listen(socket: WebSocket, request: IncomingMessage): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'ws://deepgram');
    const connection: Connection = {
      send(message) {
        if (!isStalled && socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
      },
      close() {
        if (!isStalled) socket.close(1000);
      },
    };
    const listener = pathname === '/v2/listen' ? flux(connection, query) : live(connection, query);
    const idle = setTimeout(() => socket.close(1011, 'NET-0001'), idleMs);
    socket.on('error', () => socket.terminate());
    socket.on('close', () => clearTimeout(idle));
    socket.on('message', (data: Buffer, isBinary) => {
      idle.refresh();
      if (isBinary) listener.audio(data);
      else if (!listener.message((JSON.parse(data.toString()) as { readonly type?: string }).type ?? '')) {
        connection.send({ type: 'Error', code: 'UNPARSABLE_CLIENT_MESSAGE', description: 'unknown message' });
        socket.close(1008);
      }
    });
  }
  async function* spoken(text: string): AsyncGenerator<Uint8Array> {
    const speech = fakeSpeechOf(text);
    for (let at = 0; at < speech.length; at += pieceBytes) {
      if (isStalled) await waiting.promise;
      yield speech.subarray(at, at + pieceBytes);
    }
  }
  const faults = {
    stall() {
      isStalled = true;
    },
    recover() {
      isStalled = false;
      waiting.resolve();
      waiting = Promise.withResolvers();
    },
    cut() {
      for (const client of sockets.clients) client.terminate();
    },
  };
  /** `POST /stall`, and so on. */
  const orders: Readonly<Record<string, (() => void) | undefined>> = faults;
  const server = await fakeServer(
    {
      ...options,
      onUpgrade(request, socket, head) {
        const refused = refusalOf(request);
        if (refused === null) sockets.handleUpgrade(request, socket, head, (client) => listen(client, request));
        else socket.end(`HTTP/1.1 ${refused} Refused\r\n\r\n`);
      },
    },
    ({ method, path, query, headers, body, bytes }) => {
      const order = method === 'POST' ? orders[path] : undefined;
      if (order !== undefined) {
        order();
        return { body: true };
      }
      if (headers.authorization !== `Token ${deepgramKey}`) throw new Refusal(refusals.key);
      const asked = new URLSearchParams(query);
      if (method === 'POST' && path === 'v1/listen') {
        if (asked.get('model')?.startsWith('flux')) throw new Refusal(refusals.model);
        return { body: recordingOf(fakeHeard(bytes)) };
      }
      if (method === 'POST' && path === 'v1/speak') {
        if (!/^aura-(2-)?[a-z]+-[a-z]{2}$/.test(asked.get('model') ?? '')) throw new Refusal(refusals.model);
        const { text } = JSON.parse(body) as { readonly text: string };
        if (text.length > speakChars)
          throw new Refusal({
            status: 413,
            body: { err_code: 'PAYLOAD_TOO_LARGE', err_msg: 'Input text exceeds maximum character limit.' },
          });
        return { headers: { 'Content-Type': 'audio/mulaw', 'dg-model-name': asked.get('model') ?? '' }, body: spoken(text) };
      }
      throw new Refusal({ status: 404, body: { err_code: 'NOT_FOUND', err_msg: 'Not Found' } });
    },
  );
  return {
    ...server,
    ...faults,
    get connections() {
      return sockets.clients.size;
    },
    async close() {
      for (const client of sockets.clients) client.terminate();
      await server.close();
    },
  };
}

function refusalOf({ headers, url = '/' }: IncomingMessage): number | null {
  const { pathname, searchParams } = new URL(url, 'ws://deepgram');
  if (headers.authorization !== `Token ${deepgramKey}`) return 401;
  const isFlux = pathname === '/v2/listen';
  if (!isFlux && pathname !== '/v1/listen') return 404;
  if (searchParams.get('model')?.startsWith('flux') !== isFlux) return 400;
  return searchParams.get('encoding') === 'mulaw' && searchParams.get('sample_rate') === '8000' ? null : 400;
}

/** `GET /v1/listen`: interim results at each word and second, finals at pauses, at `Finalize` and at the end. */
function live({ send, close }: Connection, query: URLSearchParams): Listener {
  const ear = createFakeEar();
  const endpointingMs = Number(query.get('endpointing') ?? 10);
  let [startMs, sentAtMs, words] = [0, 0, [] as Word[]];
  function results(isFinal: boolean, fields: object = {}): void {
    sentAtMs = ear.atMs;
    send({
      type: 'Results',
      channel_index: [0, 1],
      ...{ start: startMs / 1_000, duration: (ear.atMs - startMs) / 1_000, is_final: isFinal, speech_final: isFinal, ...fields },
      channel: { alternatives: [alternativeOf(words)] },
      metadata: { request_id: randomUUID(), model_info: {}, model_uuid: randomUUID() },
    });
    if (!isFinal) return;
    startMs = ear.atMs;
    words = [];
  }
  return {
    audio(bytes) {
      const heard = ear.push(bytes);
      words.push(...heard);
      if (words.length > 0 && ear.silenceMs >= endpointingMs) results(true);
      else if (query.get('interim_results') === 'true' && (heard.length > 0 || ear.atMs - sentAtMs >= 1_000)) results(false);
    },
    message(type) {
      if (type === 'KeepAlive') return true;
      if (type !== 'Finalize' && type !== 'CloseStream') return false;
      words.push(...ear.end());
      // Little audio yields no result (docs, Finalize).
      if (type === 'CloseStream' ? words.length > 0 : words.length > 0 || ear.atMs - startMs >= 300)
        results(true, type === 'Finalize' ? { from_finalize: true } : {});
      if (type === 'CloseStream') {
        send({ type: 'Metadata', request_id: randomUUID(), created: new Date().toISOString(), duration: ear.atMs / 1_000, channels: 1 });
        close();
      }
      return true;
    },
  };
}

/** `GET /v2/listen`: silence ends a turn, and less of it probably does, which is reported with `eager_eot_threshold`. */
function flux({ send, close }: Connection, query: URLSearchParams): Listener {
  const ear = createFakeEar();
  const endOfTurnMs = Number(query.get('eot_timeout_ms') ?? 5_000);
  const isEager = query.has('eager_eot_threshold');
  let isLikelyOver = false;
  let [sequence, turn, fromMs, sentAtMs, words] = [0, 0, 0, 0, [] as Word[]];
  const say = (message: object): void => send({ request_id: 'request', sequence_id: sequence++, ...message });
  const info = (event: string, fields: object = {}): void => {
    sentAtMs = ear.atMs;
    const { transcript, words: said } = alternativeOf(words);
    const window = { audio_window_start: fromMs / 1_000, audio_window_end: ear.atMs / 1_000 };
    say({ type: 'TurnInfo', event, turn_index: turn, ...window, transcript, words: said, end_of_turn_confidence: 0.1, ...fields });
  };
  say({ type: 'Connected' });
  return {
    audio(bytes) {
      // Processed in windows, regardless of the frame size.
      for (let at = 0; at < bytes.length; at += 640) {
        const heard = ear.push(bytes.subarray(at, at + 640));
        const isFirst = words.length === 0;
        words.push(...heard);
        if (heard.length > 0) {
          info(isLikelyOver ? 'TurnResumed' : isFirst ? 'StartOfTurn' : 'Update');
          isLikelyOver = false;
        } else if (isEager && !isLikelyOver && words.length > 0 && ear.silenceMs >= likelyMs && ear.silenceMs < endOfTurnMs) {
          info('EagerEndOfTurn', { end_of_turn_confidence: 0.6 });
          isLikelyOver = true;
        } else if (words.length > 0 && ear.silenceMs >= endOfTurnMs) {
          info('EndOfTurn', { end_of_turn_confidence: 0.9, trigger: 'timeout' });
          words = [];
          isLikelyOver = false;
          turn += 1;
          fromMs = ear.atMs;
        } else if (ear.atMs - sentAtMs >= 240) info('Update');
      }
    },
    message(type) {
      if (type === 'CloseStream') close();
      return type === 'CloseStream';
    },
  };
}

function alternativeOf(words: readonly Word[]) {
  return {
    transcript: words.map(({ text }) => text).join(' '),
    confidence: 0.9,
    words: words.map(({ text, startMs, endMs }) => ({
      word: text,
      punctuated_word: text,
      start: startMs / 1_000,
      end: endMs / 1_000,
      confidence: 0.9,
    })),
  };
}
/** Utterances are half a second apart. */
function recordingOf(words: readonly Word[]) {
  const utterances: Word[][] = [];
  for (const word of words) {
    const last = utterances.at(-1);
    if (last !== undefined && word.startMs - (last.at(-1)?.endMs ?? 0) < 500) last.push(word);
    else utterances.push([word]);
  }
  return {
    metadata: { request_id: randomUUID(), channels: 1 },
    results: {
      channels: [{ alternatives: [alternativeOf(words)] }],
      utterances: utterances.map((said) => ({
        ...alternativeOf(said),
        ...{ start: (said[0]?.startMs ?? 0) / 1_000, end: (said.at(-1)?.endMs ?? 0) / 1_000, channel: 0, id: randomUUID() },
      })),
    },
  };
}

if (import.meta.main) await runFake(deepgramFake);
