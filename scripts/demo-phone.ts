/**
 * A SIP phone of this project on loopback: answers each call, plays a WAV file and those that its parent names, and hangs up when the other side
 * does. `node scripts/demo-phone.ts PORT FILE`
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { encode, rateHz } from '../media/audio/g711.ts';
import { readWav } from '../media/audio/wav.ts';
import { createMediaWorker, type MediaSession } from '../media/rtp/worker-client.ts';
import { answerOffer } from '../media/sip/offer-answer.ts';
import { openTransports } from '../media/sip/transport.ts';
import { createUserAgent } from '../media/sip/user-agent.ts';
import { refuse } from './options.ts';

const help = 'node scripts/demo-phone.ts PORT FILE';
const address = '127.0.0.1';
const [, , given = '', first = ''] = process.argv;
const port = Number(given);
if (!/^\d{1,5}$/.test(given) || port === 0 || port > 65_535) refuse('expected a port', help);

const sessions = new Set<MediaSession>();
const transports = await openTransports({ listen: (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port })) });
const worker = createMediaWorker({ address });
createUserAgent({
  transports,
  name: 'PolyB demo phone',
  on: {
    async incoming(call) {
      const session = await worker.open();
      call.listen({
        ended() {
          sessions.delete(session);
          void session.close();
        },
      });
      call.ring();
      const local = { sessionId: String(randomInt(1, 2 ** 47)), version: 1, address, port: session.port, ptimeMs: 20 };
      const answer = answerOffer(call.offer ?? '', { ...local, codecs: ['PCMA', 'PCMU'], direction: 'sendrecv' });
      if (answer.refused !== null) return call.reject(488, { sdp: answer.sdp });
      session.configure(answer.negotiated);
      if (!(await call.answer(answer.sdp))) return;
      sessions.add(session);
      await play(first, [session]);
    },
  },
});
/** Instead of what they play. @param file of 8 kHz */
async function play(file: string, to: Iterable<MediaSession>): Promise<void> {
  const audio = encode('PCMU', readWav(await readFile(file)).samples);
  for (const session of to) {
    session.clear();
    for (let at = 0; at < audio.length; at += rateHz) session.play(`${file}-${at}`, audio.slice(at, at + rateHz));
  }
}
process.on('message', (order: { readonly play: string }) => void play(order.play, sessions));
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal, () => process.exit(0));
