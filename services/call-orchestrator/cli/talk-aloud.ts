/** `polyb talk --audio`: recordings play the caller of a talk, without a phone. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { wavFile } from '../../../media/audio/wav.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { runRealtime } from '../realtime/run-realtime.ts';
import type { TalkEntry, Waterfall } from '../talk/machine.ts';
import { runTalk } from '../talk/run-talk.ts';
import type { TalkParts } from '../talk/talk-parts.ts';
import { talkSettings } from '../talk/talk-settings.ts';
import { audioOf } from './audio-of.ts';
import { callSettingsOf } from './call-settings.ts';
import { localLeg } from './local-leg.ts';
import { speechModels } from './speech-models.ts';
import { drawTranscript } from './transcript.ts';

const lookMs = 50;
/** Silence that ends an answer: pauses between its sentences are shorter. */
const quietMs = 1_500;
/** How long to wait for an answer to begin. */
const answerMs = 20_000;
const longestMs = 600_000;

export async function talkAloud(invocation: Invocation): Promise<number> {
  const { flags, out, path, signal } = invocation;
  const settings = await callSettingsOf(invocation);
  const { rules, detector } = await talkSettings(settings);
  await using model = flags.on('speech-model') ? await speechModels(invocation) : null;
  const turns = await Promise.all(
    flags.list('audio').map(async (given) => {
      const { file, overMs } = turnOf(given);
      return { overMs, audio: await audioOf(file, path, ['polyb say "Добрый день" -o hello.wav']) };
    }),
  );
  const [record, phoneNumber, greeting] = [flags.text('record'), flags.text('phone'), flags.text('greeting')];
  const entries: TalkEntry[] = [];
  const callId = flags.text('session') ?? `talk-${randomBytes(4).toString('hex')}`;
  await withAsk(
    invocation,
    async (_ask, connected) => {
      const until = AbortSignal.any([signal, AbortSignal.timeout(flags.ms('for') ?? longestMs)]);
      const leg = localLeg(callId, (await connected()).bus);
      const call = { callId, legId: callId, direction: 'in', phoneNumber: phoneNumber ?? null } as const;
      const parts: TalkParts = {
        ...{ bus: leg.bus, log: quiet, now: Date.now, language: 'ru-RU', voice: flags.text('voice') },
        ...{ detector, rules: { ...rules, greeting: greeting ?? rules.greeting } },
        // There is no person to connect and no call to report on.
        transfer: async () => false,
        completed: async () => {},
        note: async (entry) => {
          entries.push(entry);
          out.note(`${entry.who}: ${entry.text}${entry.isInterrupted ? ' (interrupted)' : ''}`);
        },
      };
      const talk =
        model === null
          ? runTalk(call, parts, until)
          : runRealtime(call, { ...parts, ...model, turns: settings.CALL_REALTIME_TURNS }, until);
      const { filler } = parts.rules;
      /** A filler is no answer yet. */
      const hasBegun = (): boolean => leg.phone.state === 'ended' || entries.findLast(({ who }) => who === 'agent')?.text !== filler;
      try {
        /** Time since the agent's last sound after the customer's last one; null before it. */
        let sinceAnswer = leg.quietMs;
        for (const { audio, overMs } of turns) {
          if (overMs === null) await answered(sinceAnswer, hasBegun, until);
          else await spokenFor(overMs, sinceAnswer, until);
          if (leg.phone.state === 'ended') break;
          await leg.phone.say(audio);
          const endedAt = performance.now();
          sinceAnswer = () => ((leg.quietMs() ?? Number.POSITIVE_INFINITY) > performance.now() - endedAt ? null : leg.quietMs());
        }
        await answered(sinceAnswer, hasBegun, until);
      } finally {
        leg.phone.hangUp();
        await talk;
        if (record !== undefined) await save(record, leg.recorded());
      }
    },
    { lasting: true },
  );
  const transcript = { entries: entries.toSorted((a, b) => a.startedAt - b.startedAt).map(dated) };
  await out.result(
    { ...transcript, ...(record === undefined ? {} : { file: record }) },
    { text: () => drawTranscript(transcript, out) + (record === undefined ? '' : `${record}\n`) },
  );
  return 0;
}

/** Resolves when the agent has answered and fallen silent. */
async function answered(quietSince: () => number | null, hasBegun: () => boolean, signal: AbortSignal): Promise<void> {
  const latest = performance.now() + answerMs;
  while (!signal.aborted) {
    const ms = quietSince();
    const isQuiet = ms === null || ms > quietMs;
    if (isQuiet && ((ms !== null && hasBegun()) || performance.now() > latest)) return;
    await delay(lookMs, undefined, { signal }).catch(() => {}); // the loop ends
  }
}
/** Resolves this long after the agent's first sound. */
async function spokenFor(ms: number, quietSince: () => number | null, signal: AbortSignal): Promise<void> {
  const latest = performance.now() + answerMs;
  while (!signal.aborted && quietSince() === null && performance.now() < latest) await delay(lookMs, undefined, { signal }).catch(() => {}); // the loop ends
  await delay(ms, undefined, { signal }).catch(() => {}); // the talk is over
}
/** `wait.wav@2s` interrupts the agent 2 s into its answer. */
function turnOf(given: string): { readonly file: string; readonly overMs: number | null } {
  const [, file, amount, unit] = /^(.+)@(\d{1,6})(ms|s)$/.exec(given) ?? [];
  return file === undefined ? { file: given, overMs: null } : { file, overMs: Number(amount) * (unit === 's' ? 1_000 : 1) };
}
async function save(file: string, { customer, agent }: { readonly customer: Uint8Array; readonly agent: Uint8Array }): Promise<void> {
  const [left, right] = [decode('PCMU', customer), decode('PCMU', agent)];
  const both = Int16Array.from({ length: 2 * left.length }, (_, at) => (at % 2 === 0 ? left[at >> 1] : right[at >> 1]) ?? 0);
  await using handle = await open(file, 'w', 0o600);
  await handle.writeFile(wavFile({ rateHz, channels: 2 }, both));
}
const iso = (ms: number): string => new Date(ms).toISOString();
const dated = (entry: TalkEntry) => ({
  ...entry,
  ...{ startedAt: iso(entry.startedAt), endedAt: iso(entry.endedAt) },
  waterfall:
    entry.waterfall &&
    (Object.fromEntries(Object.entries(entry.waterfall).map(([stage, at]) => [stage, iso(at)])) as Record<keyof Waterfall, string>),
});
