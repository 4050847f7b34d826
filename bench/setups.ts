/** Calls that a SIP user agent takes: INVITE, 180, 200, ACK, half a second of talk, BYE; 400 a second, so that 200 talk at a time. */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { answerOffer, createOffer, type LocalAudio } from '../media/sip/offer-answer.ts';
import { openTransports } from '../media/sip/transport.ts';
import { createUserAgent } from '../media/sip/user-agent.ts';
import { play, start } from './roles.ts';

const self = fileURLToPath(import.meta.url);
const address = '127.0.0.1';
const talkMs = 500;

export interface SetupFigures {
  readonly perSecond: number;
  readonly placed: number;
  readonly answered: number;
  readonly ended: number;
  /** Most calls in talk at one time, at the callee. */
  readonly atOnce: number;
  /** From INVITE to its 200, at the caller, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the callee for a whole call; of the caller, for comparison. */
  readonly calleeCpuUs: number;
  readonly callerCpuUs: number;
}
interface Placed {
  readonly placed: number;
  readonly answered: number;
  readonly ended: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function benchSetups({ perSecond = 400, seconds = 15 } = {}): Promise<SetupFigures> {
  const [callee, caller] = [await start(self, ['callee']), await start(self, ['caller'])];
  try {
    const port = await callee.ask<number>('open');
    await caller.ask('call', { port, perSecond, seconds: 3 }); // warm
    const before = [await callee.ask<number>('cpu'), await caller.ask<number>('cpu')] as const;
    const placed = await caller.ask<Placed>('call', { port, perSecond, seconds });
    const [calleeCpu, callerCpu] = [(await callee.ask<number>('cpu')) - before[0], (await caller.ask<number>('cpu')) - before[1]];
    const each = (us: number) => Math.round(us / placed.placed);
    const atOnce = await callee.ask<number>('atOnce');
    return { perSecond, ...placed, atOnce, calleeCpuUs: each(calleeCpu), callerCpuUs: each(callerCpu) };
  } finally {
    for (const role of [callee, caller]) await role.stop();
  }
}

const localAt = (port: number): LocalAudio => ({
  ...{ sessionId: '1', version: 1, address, port, codecs: ['PCMA', 'PCMU'], ptimeMs: 20, direction: 'sendrecv' },
});

async function playCallee(): Promise<void> {
  const transports = await openTransports({ listen: [{ protocol: 'udp', address, port: 0 }] });
  let [now, most] = [0, 0];
  createUserAgent({
    transports,
    limits: { calls: 2_000 },
    on: {
      incoming(call) {
        call.listen({
          ended({ wasAnswered }) {
            if (wasAnswered) now -= 1;
          },
        });
        call.ring();
        const answer = answerOffer(call.offer ?? '', localAt(20_000));
        if (answer.refused !== null) return call.reject(488, { sdp: answer.sdp });
        void call.answer(answer.sdp).then((isAnswered) => {
          if (isAnswered) now += 1;
          most = Math.max(most, now);
        });
      },
    },
  });
  play({ open: async () => transports.local('udp', false)?.port, atOnce: async () => most });
}

async function playCaller(): Promise<void> {
  const transports = await openTransports({ listen: [{ protocol: 'udp', address, port: 0 }] });
  const agent = createUserAgent({ transports, limits: { calls: 2_000 } });
  play({
    async call({
      port,
      perSecond,
      seconds,
    }: {
      readonly port: number;
      readonly perSecond: number;
      readonly seconds: number;
    }): Promise<Placed> {
      const began = performance.now();
      const tookMs: number[] = [];
      let [placed, ended] = [0, 0];
      const place = (): void => {
        const placedAt = performance.now();
        placed += 1;
        const call = agent.invite(
          { to: `sip:100@${address}:${port}`, from: `sip:200@${address}`, sdp: createOffer(localAt(30_000)) },
          {
            answered() {
              tookMs.push(performance.now() - placedAt);
              setTimeout(() => call.hangUp(), talkMs);
            },
            ended() {
              ended += 1;
            },
          },
        );
      };
      while (performance.now() - began < seconds * 1_000) {
        while (placed < ((performance.now() - began) / 1_000) * perSecond) place();
        await delay(5);
      }
      for (let waited = 0; ended < placed && waited < 100; waited += 1) await delay(100);
      tookMs.sort((a, b) => a - b);
      const at = (share: number): number => Number((tookMs[Math.floor(share * (tookMs.length - 1))] ?? Number.NaN).toFixed(1));
      return { placed, answered: tookMs.length, ended, p50Ms: at(0.5), p99Ms: at(0.99) };
    },
  });
}

const role = process.argv[2];
if (role === 'callee') await playCallee();
if (role === 'caller') await playCaller();
