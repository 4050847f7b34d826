/**
 * Voximplant as far as telephony sees it: StartScenarios, and sessions that run the real scenario of `deploy/voximplant` on the part of
 * VoxEngine that it uses. Sources: voximplant.com/docs/references (httpapi, voxengine), docs.voximplant.ai (Media over WebSockets).
 */
import { createPublicKey, generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { WebSocket } from 'ws';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';
import type { FarCall } from '../../telephony/leg-conformance.ts';
import { fakeLine } from '../../telephony/line.fake.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: pem('spki'),
  privateKeyEncoding: pem('pkcs8'),
});
export const voximplantUser = {
  credentials: JSON.stringify({ account_id: 1234567, key_id: 'key-of-the-fake', private_key: privateKey }),
  ruleId: 321,
} as const;
/** Ten seconds; what is beyond is discarded. */
const bufferFrames = 500;
const customDataBytes = 200;
const scenario = new URL('../../../deploy/voximplant/scenario.js', import.meta.url);

export interface VoximplantFake extends FakeServer {
  readonly calls: readonly FarCall[];
  /** Calls in; the scenario connects to this URL. */
  call(url: string, from: string, to: string): FarCall;
}
type Listener = (event: Readonly<Record<string, unknown>>) => unknown;

export async function voximplantFake(options: Pick<FakeServerOptions, 'port' | 'effects' | 'now'> = {}): Promise<VoximplantFake> {
  const source = readFileSync(scenario, 'utf8');
  const calls: FarCall[] = [];
  const sessions = new Map<string, ReturnType<typeof session>>();
  const now = options.now ?? Date.now;

  const server = await fakeServer(options, ({ method, path, headers, body }) => {
    if (path.startsWith('session/')) {
      const running = sessions.get(path.slice('session/'.length));
      if (running === undefined) throw new Refusal({ status: 404 });
      running.request();
      return { body: 'ended' };
    }
    if (method !== 'POST' || path !== 'platform_api/StartScenarios') throw new Refusal({ status: 404 });
    const problem = problemOf(headers.authorization ?? '', now());
    if (problem !== null) return { body: { error: { code: 100, msg: problem } } };
    const fields = new URLSearchParams(body);
    if (fields.get('rule_id') !== String(voximplantUser.ruleId)) return { body: { error: { code: 113, msg: 'The rule_id is unknown.' } } };
    const data = Buffer.from(fields.get('script_custom_data') ?? '')
      .subarray(0, customDataBytes)
      .toString('utf8');
    const id = randomUUID();
    const running = session(source, data, { onCall: (call) => void calls.push(call), onEnd: () => void sessions.delete(id) });
    sessions.set(id, running);
    server.effect({ did: 'dial', entity: 'call', id, to: String((JSON.parse(data) as { n: string }).n) });
    running.start();
    const url = `${server.url}/session/${id}`;
    return { body: { result: 1, media_session_access_url: url, media_session_access_secure_url: url, call_session_history_id: 1 } };
  });
  return {
    ...server,
    get seen() {
      return server.seen;
    },
    calls,
    call(url, from, to) {
      const id = randomUUID();
      const running = session(source.replace("const inboundUrl = ''", `const inboundUrl = ${JSON.stringify(url)}`), '', {
        onCall: () => {},
        onEnd: () => void sessions.delete(id),
      });
      sessions.set(id, running);
      running.start();
      return running.alert(from, to);
    },
    async close() {
      for (const running of [...sessions.values()]) running.end();
      await server.close();
    },
  };
}

/** One session: the scenario in a context of its own, with one socket and at most two calls. */
function session(source: string, customData: string, on: { readonly onCall: (call: FarCall) => void; readonly onEnd: () => void }) {
  const timers = new Set<NodeJS.Timeout>();
  const app = listeners();
  const closing: (() => void)[] = [];
  let hasEnded = false;
  let socket: ReturnType<typeof webSocket> | undefined;
  function end(): void {
    if (hasEnded) return;
    hasEnded = true;
    for (const timer of timers) clearTimeout(timer);
    for (const close of closing) close();
    on.onEnd();
  }
  const makeCall = () => {
    const made = callOf(() => socket);
    closing.push(made.end);
    return made;
  };
  const VoxEngine = {
    addEventListener: app.add,
    customData: () => customData,
    terminate: () => setImmediate(end),
    callPSTN() {
      const { call, far } = makeCall();
      on.onCall(far);
      return call;
    },
    createWebSocket(url: string) {
      socket = webSocket(url);
      closing.push(socket.end);
      return socket.api;
    },
    sendMediaBetween: () => {},
  };
  vm.runInNewContext(source, {
    VoxEngine,
    AppEvents: { Started: 'Started', CallAlerting: 'CallAlerting', HttpRequest: 'HttpRequest' },
    CallEvents: {
      Ringing: 'Ringing',
      Connected: 'Connected',
      Failed: 'Failed',
      Disconnected: 'Disconnected',
      ToneReceived: 'ToneReceived',
    },
    WebSocketEvents: { OPEN: 'OPEN', MESSAGE: 'MESSAGE', CLOSE: 'CLOSE', ERROR: 'ERROR' },
    WebSocketAudioEncoding: { ULAW: 'ULAW' },
    setTimeout: (work: () => void, ms: number) => void timers.add(setTimeout(work, ms)),
  });
  return {
    end,
    start: () => app.tell('Started', {}),
    request: () => app.tell('HttpRequest', {}),
    alert(callerid: string, destination: string): FarCall {
      const { call, far } = makeCall();
      app.tell('CallAlerting', { call, callerid, destination });
      return far;
    },
  };
}
function listeners() {
  const all: { readonly event: string; readonly listener: Listener }[] = [];
  return {
    add: (event: string, listener: Listener) => void all.push({ event, listener }),
    tell(event: string, fields: Readonly<Record<string, unknown>>): void {
      for (const each of all) if (each.event === event) each.listener(fields);
    },
  };
}
function webSocket(url: string) {
  const events = listeners();
  const socket = new WebSocket(url);
  const line = fakeLine({ framesMost: bufferFrames, onMark: () => {} });
  let isPlayed = false;
  let sequence = 0;
  const say = (message: object): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.on('open', () => events.tell('OPEN', {}));
  socket.on('error', () => events.tell('ERROR', {}));
  socket.on('close', () => {
    line.stop();
    events.tell('CLOSE', {});
  });
  let hasStarted = false;
  socket.on('message', (data: Buffer) => {
    const text = data.toString('utf8');
    const message = JSON.parse(text) as { event?: string; customEvent?: string; media?: { payload: string } };
    if (message.event === undefined) events.tell('MESSAGE', { text });
    else if (message.event === 'start') hasStarted = true;
    // Media without a start is of no known form.
    else if (message.event === 'media' && hasStarted && isPlayed) line.push(Buffer.from(message.media?.payload ?? '', 'base64'));
  });
  return {
    line,
    isOpen: () => socket.readyState === socket.OPEN,
    /** Audio of the call, once the scenario has connected it. */
    hear(audio: Uint8Array): void {
      sequence += 1;
      const media = { chunk: String(sequence), timestamp: String(sequence * 160), payload: Buffer.from(audio).toString('base64') };
      say({ event: 'media', sequenceNumber: sequence, tag: 'call', media });
    },
    begin: (encoding: string) =>
      say({
        event: 'start',
        sequenceNumber: 0,
        tag: 'call',
        start: { mediaFormat: { encoding, sampleRate: 8000 }, customParameters: '{}' },
      }),
    end(): void {
      line.stop();
      socket.close();
    },
    api: {
      addEventListener: events.add,
      send: (text: string) => socket.readyState === socket.OPEN && socket.send(text),
      close: () => socket.close(),
      sendMediaTo: () => {
        isPlayed = true;
      },
      stopMediaTo: () => {
        isPlayed = false;
      },
      clearMediaBuffer: () => void line.flush(),
    },
  };
}
function callOf(socket: () => ReturnType<typeof webSocket> | undefined) {
  const events = listeners();
  let state: 'ALERTING' | 'CONNECTED' | 'ENDED' = 'ALERTING';
  let isSent = false;
  let isHeld = false;
  const connect = (): void => {
    if (state !== 'ALERTING') return;
    state = 'CONNECTED';
    events.tell('Connected', {});
  };
  const disconnect = (code?: number): void => {
    if (state === 'ENDED') return;
    state = 'ENDED';
    events.tell(code === undefined ? 'Disconnected' : 'Failed', code === undefined ? {} : { code });
  };
  const far: FarCall = {
    ring: () => events.tell('Ringing', {}),
    answer: connect,
    refuse: () => disconnect(486),
    hangUp: () => disconnect(),
    isConnected: () => isSent && socket()?.isOpen() === true,
    speak(audio) {
      if (isSent && !isHeld) socket()?.hear(audio);
    },
    press: (tone) => events.tell('ToneReceived', { tone }),
    heard: () => socket()?.line.heard() ?? new Uint8Array(0),
    hasEnded: () => state === 'ENDED',
  };
  return {
    far,
    end: () => {
      state = 'ENDED';
    },
    call: {
      addEventListener: events.add,
      handleTones: () => {},
      state: () => state,
      callerid: () => '74951234567',
      answer: () => setImmediate(connect),
      decline: () => {
        state = 'ENDED';
      },
      hangup: () => {
        state = 'ENDED';
      },
      hold: () => {
        isHeld = true;
      },
      unhold: () => {
        isHeld = false;
      },
      sendDigits: () => {},
      sendMediaTo(_: unknown, { encoding }: { readonly encoding: string }) {
        isSent = true;
        socket()?.begin(encoding);
      },
      stopMediaTo: () => {
        isSent = false;
      },
    },
  };
}

/** Why a token is refused; null if it is valid. */
function problemOf(authorization: string, nowMs: number): string | null {
  const [head = '', payload = '', signature = ''] = authorization.replace(/^Bearer /, '').split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>;
  try {
    if (!verify('RSA-SHA256', Buffer.from(`${head}.${payload}`), createPublicKey(publicKey), Buffer.from(signature, 'base64url')))
      return 'Authorization failed: wrong signature.';
    const { alg, kid } = read(head);
    const { iss, iat, exp } = read(payload) as { iss: string; iat: number; exp: number };
    if (alg !== 'RS256' || kid !== 'key-of-the-fake' || iss !== '1234567') return 'Authorization failed: unknown key.';
    if (exp - iat > 64 || iat > nowMs / 1000 || exp < nowMs / 1000) return 'Authorization failed: the token is not valid now.';
    return null;
  } catch {
    return 'Authorization failed.';
  }
}
function pem<T extends 'spki' | 'pkcs8'>(type: T): { readonly type: T; readonly format: 'pem' } {
  return { type, format: 'pem' };
}

if (import.meta.main) await runFake(voximplantFake);
