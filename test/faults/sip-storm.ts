import { callId, type Header, parseMessage, serialise } from '../../media/sip/message.ts';
import { answerOffer, type LocalAudio } from '../../media/sip/offer-answer.ts';
import type { Flow, Transports } from '../../media/sip/transport.ts';
import { createUserAgent } from '../../media/sip/user-agent.ts';
import { tortureMessages } from '../kit/sip-torture.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

/** What one message may cost, in ms. */
const mostMs = 50;
/** A process that shares its processor is paused now and then: a message that is slow is read again, and counts when it is slow each time. */
const looks = 5;

export const sipStorm: FaultTest = {
  id: 'SIP',
  title: 'SIP messages of the torture kind and mutated ones: each answered or dropped within 50 ms, calls beside them untouched',
  async run({ seed, full, control, signal, log }) {
    const random = randomFrom(seed);
    const counts = { messages: 0, answered: 0, crashed: 0, slow: 0, callsLost: 0 };
    const total = full ? 1_000_000 : control ? 2_000 : 60_000;
    const storm = control ? naivePeer() : peer();
    const good = storm.startCall();
    for (; counts.messages < total; counts.messages += 1) {
      if (counts.messages % 1_000 === 0) {
        signal.throwIfAborted();
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const bytes = mutated(random);
      try {
        if (isSlow(() => storm.receive(bytes))) counts.slow += 1;
      } catch (error) {
        counts.crashed += 1;
        if (!control) log(`${error}: ${JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 300))}`);
      }
    }
    counts.answered = storm.answered();
    counts.callsLost = good.isAlive() ? 0 : 1;
    await storm.close();
    const harm = counts.crashed + counts.slow + counts.callsLost;
    return { ok: harm === 0, harm, ...counts };
  },
};

function isSlow(read: () => void): boolean {
  for (let look = 0; look < looks; look += 1) {
    const began = performance.now();
    read();
    if (performance.now() - began <= mostMs) return false;
  }
  return true;
}

interface Storm {
  receive(bytes: Uint8Array): void;
  startCall(): { isAlive(): boolean };
  answered(): number;
  close(): Promise<void>;
}

const local: LocalAudio = {
  sessionId: '1',
  version: 1,
  address: '192.0.2.1',
  port: 4_000,
  codecs: ['PCMU'],
  ptimeMs: 20,
  direction: 'sendrecv',
};
const ok = (text: string): Buffer => {
  const { message } = parseMessage(Buffer.from(text));
  return message ? serialise(message) : Buffer.alloc(0);
};

/** The user agent behind a transport without a network, taking every call that it can. */
function peer(): Storm {
  let receiver: (bytes: Uint8Array, flow: Flow) => void = () => {};
  let answered = 0;
  const transports: Transports = {
    local: () => ({ host: '192.0.2.1', port: 5060 }),
    receive(next) {
      receiver = next;
    },
    send: async () => {},
    hearPort: async () => null,
    closeShared: async () => {},
    close: async () => {},
  };
  const agent = createUserAgent({
    transports,
    limits: { calls: 200, invitesPerS: 1e9 },
    on: {
      incoming(call) {
        call.listen({ offer: (sdp) => ({ sdp: answerOffer(sdp ?? '', local).sdp }), referred: (referral) => referral.reject(603) });
        const answer = answerOffer(call.offer ?? '', local);
        if (answer.refused !== null || call.id !== 'good') call.reject(488, { sdp: answer.sdp });
        else void call.answer(answer.sdp);
      },
    },
  });
  const flow: Flow = {
    protocol: 'udp',
    address: '192.0.2.2',
    port: 5060,
    async reply(bytes) {
      answered += 1;
      const { message } = parseMessage(bytes);
      // The call beside the storm is acknowledged, so that it has no reason of its own to end.
      if (message?.kind !== 'response' || message.status !== 200 || callId(message) !== 'good') return;
      const headers = message.headers.map(([name, value]): Header => [name, name === 'CSeq' ? value.replace('INVITE', 'ACK') : value]);
      receiver(serialise({ kind: 'request', method: 'ACK', uri: 'sip:callee@192.0.2.1', headers, body: new Uint8Array(0) }), flow);
    },
  };
  return {
    receive: (bytes) => receiver(bytes, flow),
    startCall() {
      const [{ text } = { text: '' }] = tortureMessages;
      receiver(ok(text.replace('a84b4c76e66710@192.0.2.15', 'good').replace('776asdhds', 'good')), flow);
      return { isAlive: () => agent.calls().some((call) => call.id === 'good' && call.state() !== 'ended') };
    },
    answered: () => answered,
    close: () => agent.close(),
  };
}

/** A parser as one writes it first: it splits, indexes and believes what it reads. */
function naivePeer(): Storm {
  let answered = 0;
  return {
    receive(bytes) {
      const [head = '', body = ''] = Buffer.from(bytes).toString().split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.split(':')[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const branch = /branch=([^;]*)/.exec(headers.via as string)?.[1] as string;
      decodeURIComponent(branch.slice(7) + first.split(' ')[1]);
      if (body.length !== Number(headers['content-length'] ?? 0)) throw new RangeError('a body of another length');
      answered += 1;
    },
    startCall: () => ({ isAlive: () => true }),
    answered: () => answered,
    close: async () => {},
  };
}

const seeds = tortureMessages.map(({ text }) => Buffer.from(text));
const methods = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'PRACK',
  'UPDATE',
  'INFO',
  'REFER',
  'NOTIFY',
  'MESSAGE',
  'invite',
];
const pieces = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '\0',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ';tag=',
  ';branch=z9hG4bK',
  '%00',
  '%',
  '[::1]',
  '\u{1f600}',
  '\ufeff',
  ' '.repeat(2_000),
  ';'.repeat(3_000),
  '"'.repeat(3_001),
  '<'.repeat(3_000),
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:',
  'c=IN IP4 0.0.0.0\r\n',
  'm=audio 99999 RTP/AVP 0\r\n',
  '4294967296',
  '-1',
  '1e9',
  'sip:',
  'tel:',
  'Require: 100rel\r\n',
  'Replaces: a;to-tag=b;from-tag=c\r\n',
  'Content-Type: multipart/mixed;boundary=x\r\n',
  'Session-Expires: 1;refresher=uas\r\n',
  'Route: <sip:x;lr>\r\n',
  'Via: SIP/2.0/UDP x\r\n',
  'To: <sip:a@b>;tag=z\r\n',
];

/** A message of the list with one to six changes: bytes, pieces, cut ends, lines twice or elsewhere, another method. */
function mutated(random: Random): Uint8Array {
  let bytes = Buffer.from(random.pick(seeds));
  for (let times = random.int(1, 6); times > 0; times -= 1) {
    const at = random.int(0, Math.max(0, bytes.length - 1));
    switch (random.int(0, 7)) {
      case 0:
        bytes[at] = random.int(0, 255);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 40))]);
        break;
      case 2:
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(pieces)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = bytes.subarray(0, at);
        break;
      case 5: {
        const lines = bytes.toString('latin1').split('\r\n');
        const line = random.pick(lines);
        lines.splice(random.int(1, lines.length), 0, line);
        bytes = Buffer.from(lines.join('\r\n'), 'latin1');
        break;
      }
      case 6:
        bytes = Buffer.from(bytes.toString('latin1').replaceAll(/\b(?:INVITE|OPTIONS|REGISTER)\b/g, random.pick(methods)), 'latin1');
        break;
      default:
        bytes = Buffer.from(bytes.toString('latin1').replace('z9hG4bK776asdhds', `z9hG4bK${random.int(0, 1_000)}`), 'latin1');
    }
  }
  return bytes;
}
