/** Phones that talk to the agent. Telephony runs in this process, without a network; whatever is killed runs in its own process. */
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { type Loopback, loopback, loopbackSettings } from '../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../adapters/telephony/loopback-leg.ts';
import type { BusHost } from '../../bus/bus.ts';
import type { Service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices } from '../../runtime/services.ts';
import type { Child } from './child.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { hosted } from './hosted.ts';
import { Report, type SpeechWorkerSetup } from './speech-worker.ts';
import type { TalkWorkerSetup } from './talk-worker.ts';
import type { RunOptions } from './test.ts';

export const greeting = 'Да, слушаю вас?';
type Entries = OutputOf<typeof calls.get_transcript>['entries'];
export interface Talking {
  readonly phone: FarPhone;
  readonly callId: string;
  readonly number: string;
  /** All sound so far, without silence. */
  heard(): Buffer;
  transcript(): Promise<Entries>;
  /** Resolves once the agent has spoken since the previous wait and is silent; false if the call has ended. */
  untilSilent(): Promise<boolean>;
  /** What the agent said between the last two silences, without silence. */
  latest(): Buffer;
}
export interface SpeechWorker {
  readonly child: Child;
  readonly reports: z.output<typeof Report>[];
  kill(): Promise<void>;
}
export interface TalkBed extends AsyncDisposable {
  readonly ground: Ground;
  readonly bus: BusHost;
  speech(setup: Omit<z.input<typeof SpeechWorkerSetup>, 'natsUrl'>): Promise<SpeechWorker>;
  orchestrator(off?: z.input<typeof TalkWorkerSetup>['off']): Promise<Child>;
  /** Calls in from a new number. */
  callIn(): Promise<Talking>;
  /** Has the system call a new number, which answers. */
  callOut(key: string): Promise<Talking>;
  /** Phones that were dialled, by number. */
  readonly rung: ReadonlyMap<string, number>;
  /** Calls whose row has not ended. */
  endless(): Promise<number>;
}
const quietMs = 400;

export async function openTalkBed(
  options: RunOptions,
  { unattendedMs, settings = {} }: { readonly unattendedMs: number; readonly settings?: Readonly<Record<string, string>> },
): Promise<TalkBed> {
  const { signal } = options;
  const ground = await openGround(options);
  const rung = new Map<string, number>();
  const dialled = new Map<string, FarPhone>();
  const gateway: Loopback = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => {
    const number = phone.number ?? '';
    rung.set(number, (rung.get(number) ?? 0) + 1);
    dialled.set(number, phone);
    phone.ring();
    phone.answer();
  });
  const all = {
    ...{ CALL_ROUTES: '100=dialog', CALL_ATTENDANT: 'dialog', CALL_GREETING: greeting, CALL_HOURS: '00:00-24:00' },
    ...{ TELEPHONY_UNATTENDED_MS: String(unattendedMs), TELEPHONY_RECORDING: 'off' },
    ...settings,
  };
  const [loaded] = await loadServices(['telephony-gateway']);
  if (loaded === undefined) throw new Error('there is no service telephony-gateway');
  const { service } = loaded;
  const made: Service = { ...service, make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, gateway } as never }) };
  const { natsUrl, databaseUrl } = ground;
  const pace = { leaseMs: 2_000, renewMs: 500, idleMs: 150 };
  const host = await hosted('telephony-gateway', made, { natsUrl, databaseUrl, settings: all, pace });
  const bus = await ground.client();
  let numbers = 0;
  const nextNumber = (): string => `+7999555${String(1_000 + ++numbers)}`;

  /** Listens from the answer on: a client that is still reconnecting learns the id of the call after the greeting. */
  async function talking(phone: FarPhone, number: string): Promise<Talking> {
    const frames: Uint8Array[] = [];
    let heardAt = performance.now();
    /** The frames between the last two silences. */
    let [begun, ended] = [0, 0];
    phone.hear((audio) => {
      frames.push(audio.slice());
      heardAt = performance.now();
    });
    const callId = await callIdOf(number);
    return {
      ...{ phone, number, callId },
      heard: () => Buffer.concat(frames),
      latest: () => Buffer.concat(frames.slice(begun, ended)),
      transcript: async () => (await bus.call(calls.get_transcript, { callId }, { signal })).entries,
      async untilSilent() {
        const isSilent = await eventually(
          () => phone.state === 'ended' || (frames.length > ended && performance.now() - heardAt > quietMs),
          30_000,
          signal,
        );
        [begun, ended] = [ended, frames.length];
        return isSilent && phone.state !== 'ended';
      },
    };
  }
  const callIdOf = async (phoneNumber: string): Promise<string> => {
    for (const until = performance.now() + 20_000; performance.now() < until; await delay(30, undefined, { signal })) {
      const [call] = (await bus.call(calls.list_calls, { phoneNumber }, { signal })).items;
      if (call !== undefined) return call.callId;
    }
    throw new Error(`no call of ${phoneNumber}`);
  };
  return {
    ground,
    bus,
    rung,
    async speech(setup) {
      const file = './speech-worker.ts';
      const child = await ground.start({ file, args: [JSON.stringify({ ...setup, natsUrl } satisfies z.input<typeof SpeechWorkerSetup>)] });
      const reports: z.output<typeof Report>[] = [];
      child.onMessage((message) => {
        const { success, data } = Report.safeParse(message);
        if (success) reports.push(data);
      });
      return {
        ...{ child, reports },
        async kill() {
          child.kill('SIGKILL');
          await child.exited;
        },
      };
    },
    orchestrator: (off = null) =>
      ground.start({
        file: './talk-worker.ts',
        args: [JSON.stringify({ natsUrl, databaseUrl, settings: all, off } satisfies z.input<typeof TalkWorkerSetup>)],
      }),
    async callIn() {
      const number = nextNumber();
      const phone = await gateway.call(number, '100');
      return talking(phone, number);
    },
    async callOut(key) {
      const phoneNumber = nextNumber();
      await bus.call(calls.start_call, { leadId: `lead_${key}`, phoneNumber }, { key, signal });
      await eventually(() => dialled.has(phoneNumber), 20_000, signal);
      const phone = dialled.get(phoneNumber);
      if (phone === undefined) throw new Error(`${phoneNumber} does not ring`);
      return talking(phone, phoneNumber);
    },
    async endless() {
      const [row] = await ground.store.query<{ n: number }>(
        `select count(*)::int as n from call_orchestrator.calls where state <> 'ended'`,
      );
      return row?.n ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await host.stop(500);
      await ground[Symbol.asyncDispose]();
    },
  };
}
