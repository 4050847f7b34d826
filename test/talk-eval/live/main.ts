/** Runs the live scenarios in turn: stores recordings, prints transcripts with their waterfalls, and judges the calls. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import { dialog } from '../../../contracts/dialog.ts';
import { seededRandom } from '../../../contracts/kit/seeded-random.ts';
import { tts } from '../../../contracts/tts.ts';
import { decode, encode } from '../../../media/audio/g711.ts';
import { levelsOf, recordingOf } from '../../../services/call-orchestrator/cli/audio.ts';
import { sidesOf } from '../../../services/call-orchestrator/cli/recorded-waits.ts';
import { drawTranscript, waitedMs, waitsIn } from '../../../services/call-orchestrator/cli/transcript.ts';
import { russianRules } from '../../../services/call-orchestrator/talk/rules.ts';
import { sipPhones } from '../../kit/sip-phone.ts';
import { until } from '../../kit/until.ts';
import { type Callers, humanCallers } from '../callers.ts';
import { soundOf, textsOf } from '../play.ts';
import { makeCall, takeCalls } from './call.ts';
import { judge } from './judge.ts';
import { type LiveScenario, readLiveScenarios } from './scenario.ts';
import { type LiveSystem, startSystem } from './system.ts';
import { type Ended, livePageOf, liveTableOf } from './table.ts';

const file = join(import.meta.dirname, 'scenarios.yaml');
const page = join(import.meta.dirname, '../../../docs/talk-eval-live.md');
const recordedMs = 20_000;
/** Level of the caller, dB of full scale. */
const db = -20;
/** Maximum difference between a waterfall and the recording. */
const agreesMs = 40;

export interface LiveOptions {
  /** A folder for recordings and transcripts. */
  readonly out: string;
  readonly only: string;
  readonly ear: string;
}
/** Whether every expectation was met. */
export async function evaluateLive({ out, only, ear }: LiveOptions): Promise<boolean> {
  const scenarios = readLiveScenarios(file);
  const wanted = scenarios.filter(({ name, shows }) => `${name} ${shows}`.includes(only));
  const people = wanted.flatMap(({ person }) => person ?? []);
  const callers = await humanCallers([...wanted.flatMap(textsOf), ...people], AbortSignal.timeout(600_000));
  await mkdir(out, { recursive: true });
  let person = personWho(null);
  await using phones = await phonesOf(
    (phone) => void takeCalls(phone, encode('PCMU', person.says ?? new Int16Array(0))).then(...person.spoke),
  );
  const system = await startSystem({ ear, people: phones.uri.replace('sip:', 'sip:person@') });
  const ended: Ended[] = [];
  try {
    for (const scenario of wanted) {
      const [says] = scenario.person ?? [];
      person = personWho(says === undefined ? null : callers.speak(says).samples);
      console.log(`\n## ${scenario.name}: ${scenario.shows}\n`);
      const end = await evaluate(scenario, { system, callers, phones, person, out });
      console.log(end.drawn);
      for (const missed of end.missed) console.log(`MISSED ${missed}`);
      ended.push(end);
    }
  } finally {
    await system.close();
  }
  console.log(liveTableOf(ended));
  if (only === '' && ear === 'russian-acoustic') await writeFile(page, livePageOf(ended));
  return ended.length > 0 && ended.every(({ missed }) => missed.length === 0);
}

interface Parts {
  readonly system: LiveSystem;
  readonly callers: Callers;
  readonly phones: Awaited<ReturnType<typeof sipPhones>>;
  readonly person: ReturnType<typeof personWho>;
  readonly out: string;
}
async function evaluate(scenario: LiveScenario, { system: { bus, uri }, callers, phones, person, out }: Parts): Promise<Ended> {
  const random = seededRandom(1);
  const called = await makeCall(scenario, {
    ...{ uri, phones, personSpoke: person.hasSpoken },
    async lastWords() {
      const { entries } = await bus.call(calls.get_transcript, { callId: await latestCall(bus) });
      const text = entries.at(-1)?.text;
      return text === russianRules.filler ? 'filler' : text === russianRules.askAgain ? 'ask_again' : 'other';
    },
    soundOf: (step) => soundOf(step, { callers, recording: () => 0, db }, random),
  });
  const { callId, wav } = await recordedCall(bus);
  const transcript = await bus.call(calls.get_transcript, { callId });
  const waits = waitsIn(wav, transcript);
  await writeFile(join(out, `${scenario.name}.wav`), wav);
  const drawn = drawTranscript(transcript, { ascii: false }, waits);
  await writeFile(join(out, `${scenario.name}.txt`), drawn);
  const sides = sidesOf(wav);
  if (sides === null) throw new Error('the recording has only one side');
  const missed: string[] = [];
  const evidence = {
    called,
    transcript,
    sides,
    waits,
    personSaid: person.says,
    tools: await toolsOf(bus, callId),
    spoken: (text: string) => spoken(bus, text),
  };
  for (const expected of scenario.expect) {
    const why = await judge(expected, evidence);
    if (why !== null) missed.push(`${JSON.stringify(expected)}: ${why}`);
  }
  const apart = waits.flatMap((wait, nth) => (wait === null ? [] : [wait - (waitedMs(transcript)[nth] ?? 0)]));
  for (const ms of apart) if (Math.abs(ms) > agreesMs) missed.push(`an answer is ${ms} ms off its waterfall on the recording`);
  return { ...scenario, drawn, missed, waits: waits.flatMap((wait) => wait ?? []), apart, seconds: Math.round(levelsOf(wav).seconds) };
}

/** The last ended call, with its recording. */
async function recordedCall(bus: Bus): Promise<{ readonly callId: string; readonly wav: Uint8Array }> {
  const callId = await latestCall(bus);
  await until(async () => (await bus.call(calls.get_call, { callId })).state === 'ended', recordedMs);
  const wav = await until(() => recordingOf(bus, callId).catch(() => null), recordedMs);
  return { callId, wav };
}
async function latestCall(bus: Bus): Promise<string> {
  const [call] = (await bus.call(calls.list_calls, { limit: 1 })).items;
  if (call === undefined) throw new Error('no call came in');
  return call.callId;
}
async function toolsOf(bus: Bus, callId: string): Promise<readonly string[]> {
  const found = await bus.call(dialog.get_session, { sessionId: callId }).catch(() => null);
  return found?.turns.flatMap(({ tools }) => tools.map(({ name }) => name)) ?? [];
}
async function spoken(bus: Bus, text: string): Promise<Int16Array> {
  const { audio } = await bus.call(tts.synthesize, { text, language: 'ru-RU', format: 'pcmu' });
  return decode('PCMU', audio as Uint8Array);
}
/** @param says null if nobody is called */
function personWho(says: Int16Array | null) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {}); // the recording shows whether they were heard
  return { says, hasSpoken: promise, spoke: [resolve, reject] as const };
}
async function phonesOf(onCall: NonNullable<Parameters<typeof sipPhones>[0]>['onCall']) {
  const phones = await sipPhones(onCall === undefined ? {} : { onCall });
  return { ...phones, [Symbol.asyncDispose]: () => phones.close() };
}
