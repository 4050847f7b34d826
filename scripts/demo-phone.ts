/** A SIP phone of this project on loopback: answers each call, hums, and hangs up when the other side does. `node scripts/demo-phone.ts PORT` */
import { randomInt } from 'node:crypto';
import { encode } from '../media/audio/g711.ts';
import { makeTone } from '../media/audio/tones.ts';
import { createMediaWorker } from '../media/rtp/worker-client.ts';
import { answerOffer } from '../media/sip/offer-answer.ts';
import { openTransports } from '../media/sip/transport.ts';
import { createUserAgent } from '../media/sip/user-agent.ts';
import { refuse } from './options.ts';

const help = 'node scripts/demo-phone.ts PORT';
const address = '127.0.0.1';
const [, , given = ''] = process.argv;
const port = Number(given);
if (!/^\d{1,5}$/.test(given) || port === 0 || port > 65_535) refuse('expected a port', help);

const hum = encode('PCMU', makeTone({ hz: [440], ms: 1_000, dbm0: -15 }));
const mostSeconds = 20;
const transports = await openTransports({ listen: (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port })) });
const worker = createMediaWorker({ address });
createUserAgent({
  transports,
  name: 'PolyB demo phone',
  on: {
    async incoming(call) {
      const session = await worker.open();
      call.listen({ ended: () => void session.close() });
      call.ring();
      const local = { sessionId: String(randomInt(1, 2 ** 47)), version: 1, address, port: session.port, ptimeMs: 20 };
      const answer = answerOffer(call.offer ?? '', { ...local, codecs: ['PCMA', 'PCMU'], direction: 'sendrecv' });
      if (answer.refused !== null) return call.reject(488, { sdp: answer.sdp });
      session.configure(answer.negotiated);
      if (!(await call.answer(answer.sdp))) return;
      for (let second = 0; second < mostSeconds; second += 1) session.play(String(second), hum);
    },
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal, () => process.exit(0));
