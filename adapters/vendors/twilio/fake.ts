/**
 * Twilio as far as telephony sees it: the Calls resource, signed status callbacks, the webhook of an inbound call, and Media Streams.
 * Sources: twilio.com/docs/voice/api/call-resource, voice/media-streams/websocket-messages, usage/security.
 */
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { type FakeServer, type FakeServerOptions, fakeServer, Refusal, runFake } from '../../fake-server.ts';
import type { FarCall } from '../../telephony/leg-conformance.ts';
import { type FakeLine, fakeLine } from '../../telephony/line.fake.ts';
import { twilioSignature } from './signature.ts';

export const twilioUser = { accountSid: `AC${'0123456789abcdef'.repeat(2)}`, authToken: 'token-of-the-account' } as const;
/** The stream buffers far more than any caller sends. */
const bufferFrames = 50 * 600;

export interface TwilioFake extends FakeServer {
  /** Calls in the order in which they were created. */
  readonly calls: readonly FarCall[];
  /** Calls in: asks the webhook of the phone, and follows its TwiML. */
  call(webhook: string, from: string, to: string): Promise<FarCall>;
}
interface Call {
  readonly sid: string;
  readonly streamSid: string;
  readonly to: string;
  readonly twiml: string;
  readonly callback: string | null;
  status: string;
  socket: WebSocket | undefined;
  line: FakeLine | undefined;
}
const endStates = ['completed', 'busy', 'failed', 'no-answer', 'canceled'];
const sid = (prefix: string): string => prefix + randomBytes(16).toString('hex');

export async function twilioFake(options: Pick<FakeServerOptions, 'port' | 'effects'> = {}): Promise<TwilioFake> {
  const calls = new Map<string, Call>();
  const far: FarCall[] = [];
  const account = `2010-04-01/Accounts/${twilioUser.accountSid}`;
  const authorised = `Basic ${Buffer.from(`${twilioUser.accountSid}:${twilioUser.authToken}`).toString('base64')}`;

  /** Posts a signed form, as Twilio does. */
  async function post(url: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilioSignature(twilioUser.authToken, url, fields),
      },
      body: new URLSearchParams(fields).toString(),
    });
    return answer.ok ? answer.text() : '';
  }
  let reporting = Promise.resolve();
  /** Callbacks of a call come in order. */
  function report(call: Call, status: string, sipCode?: number): void {
    if (endStates.includes(call.status)) return;
    call.status = status;
    const { callback } = call;
    if (callback === null) return;
    const fields = { CallSid: call.sid, CallStatus: status, ...(sipCode === undefined ? {} : { SipResponseCode: String(sipCode) }) };
    reporting = reporting
      .then(() => post(callback, fields))
      .then(
        () => {},
        () => {}, // The system is gone; Twilio does not repeat a callback.
      );
  }
  function end(call: Call, status: string, sipCode?: number): void {
    const { socket } = call;
    call.socket = undefined;
    call.line?.stop();
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send(
        JSON.stringify({ event: 'stop', streamSid: call.streamSid, stop: { accountSid: twilioUser.accountSid, callSid: call.sid } }),
      );
      socket.close();
    }
    report(call, status, sipCode);
  }
  /** Runs `<Connect><Stream>`; the call ends with its TwiML. */
  function connect(call: Call, twiml: string): void {
    const url = /<Connect><Stream url="(wss?:[^"]+)"\/?>/.exec(twiml)?.[1];
    if (url === undefined) {
      end(call, 'completed');
      return;
    }
    const socket = new WebSocket(url, { headers: { 'x-twilio-signature': twilioSignature(twilioUser.authToken, url) } });
    call.socket = socket;
    const { streamSid } = call;
    const say = (fields: object): void => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ ...fields, streamSid }));
    };
    const mark = (name: string): void => say({ event: 'mark', mark: { name } });
    const line = fakeLine({ framesMost: bufferFrames, onMark: mark });
    call.line = line;
    socket.on('open', () => {
      say({ event: 'connected', protocol: 'Call', version: '1.0.0' });
      const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
      const start = {
        accountSid: twilioUser.accountSid,
        streamSid,
        callSid: call.sid,
        tracks: ['inbound'],
        mediaFormat,
        customParameters: {},
      };
      say({ event: 'start', sequenceNumber: '1', start });
    });
    socket.on('message', (data: Buffer) => {
      const said = JSON.parse(data.toString('utf8')) as {
        event: string;
        streamSid?: string;
        media?: { payload: string };
        mark?: { name: string };
      };
      if (said.streamSid !== streamSid) return; // Twilio ignores what names no stream of it.
      if (said.event === 'media' && said.media !== undefined) line.push(Buffer.from(said.media.payload, 'base64'));
      else if (said.event === 'mark' && said.mark !== undefined) line.mark(said.mark.name);
      else if (said.event === 'clear') for (const name of line.flush()) mark(name);
    });
    socket.on('error', () => end(call, 'failed'));
    socket.on('close', () => end(call, 'completed'));
  }
  function farCall(call: Call): FarCall {
    return {
      ring: () => report(call, 'ringing'),
      answer() {
        report(call, 'in-progress');
        connect(call, call.twiml);
      },
      refuse: () => end(call, 'busy', 486),
      hangUp: () => end(call, 'completed'),
      isConnected: () => call.socket?.readyState === WebSocket.OPEN,
      speak(audio) {
        const payload = Buffer.from(audio).toString('base64');
        call.socket?.send(
          JSON.stringify({ event: 'media', streamSid: call.streamSid, media: { track: 'inbound', chunk: '1', timestamp: '5', payload } }),
        );
      },
      press(digit) {
        call.socket?.send(JSON.stringify({ event: 'dtmf', streamSid: call.streamSid, dtmf: { track: 'inbound_track', digit } }));
      },
      heard: () => call.line?.heard() ?? new Uint8Array(0),
      hasEnded: () => endStates.includes(call.status),
    };
  }
  const made = (about: Pick<Call, 'to' | 'twiml' | 'callback'>): Call => {
    const call: Call = { sid: sid('CA'), streamSid: sid('MZ'), status: 'queued', socket: undefined, line: undefined, ...about };
    calls.set(call.sid, call);
    return call;
  };

  const server = await fakeServer({ ...options, base: `${account}/` }, ({ method, path, headers, body }) => {
    if (headers.authorization !== authorised)
      throw new Refusal({ status: 401, body: { code: 20003, message: 'Authenticate', status: 401 } });
    if (method !== 'POST') throw new Refusal({ status: 405, body: { code: 20004, message: 'Method not allowed', status: 405 } });
    const fields = new URLSearchParams(body);
    if (path === 'Calls.json') {
      const [to, from, twiml] = [fields.get('To'), fields.get('From'), fields.get('Twiml')];
      if (!to || !/^\+\d{7,15}$/.test(to))
        throw new Refusal({ status: 400, body: { code: 21211, message: "Invalid 'To' Phone Number", status: 400 } });
      if (!from) throw new Refusal({ status: 400, body: { code: 21213, message: 'Caller phone number required', status: 400 } });
      if (!twiml || twiml.length > 4000)
        throw new Refusal({ status: 400, body: { code: 21205, message: 'Url or Twiml is required', status: 400 } });
      const call = made({ to, twiml, callback: fields.get('StatusCallback') });
      server.effect({ did: 'dial', entity: 'call', id: call.sid, to });
      far.push(farCall(call));
      return { status: 201, body: { sid: call.sid, status: 'queued', to, from } };
    }
    const call = calls.get(/^Calls\/(CA[0-9a-f]{32})\.json$/.exec(path)?.[1] ?? '');
    if (call === undefined)
      throw new Refusal({ status: 404, body: { code: 20404, message: 'The requested resource was not found', status: 404 } });
    if (endStates.includes(call.status))
      throw new Refusal({ status: 400, body: { code: 21220, message: 'Call is not in-progress. Cannot redirect.', status: 400 } });
    if (fields.get('Status') === 'completed') end(call, call.status === 'in-progress' ? 'completed' : 'canceled');
    else if (fields.get('Twiml') !== null) connect(call, fields.get('Twiml') ?? '');
    return { body: { sid: call.sid, status: call.status } };
  });
  return {
    ...server,
    get seen() {
      return server.seen;
    },
    calls: far,
    async call(webhook, from, to) {
      const call = made({ to, twiml: '', callback: null });
      call.status = 'ringing';
      const asked = {
        AccountSid: twilioUser.accountSid,
        CallSid: call.sid,
        CallStatus: 'ringing',
        Direction: 'inbound',
        From: from,
        To: to,
      };
      void post(webhook, asked).then((twiml) => {
        if (endStates.includes(call.status)) return;
        if (!twiml.includes('<Connect>')) return end(call, 'busy');
        report(call, 'in-progress');
        connect(call, twiml);
      });
      return farCall(call);
    },
    async close() {
      for (const call of calls.values()) end(call, 'completed');
      await reporting;
      await server.close();
    },
  };
}

if (import.meta.main) await runFake(twilioFake);
