/** One call: a caller at a SIP phone follows the scenario, and a person at another phone takes the call if needed. */
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import type { SipPhone, SipPhones } from '../../kit/sip-phone.ts';
import { until } from '../../kit/until.ts';
import { msOf, type Sound } from '../sound.ts';
import type { LiveScenario, LiveStep } from './scenario.ts';

/** A step of the caller, with its times in Unix ms. */
export interface StepRecord {
  readonly step: LiveStep;
  readonly from: number;
  readonly to: number;
  /** The words of the step, and the number of pauses in it. */
  readonly words: string;
}
export interface CallRecord {
  readonly done: readonly StepRecord[];
  /** Whether the agent has hung up. */
  readonly hungUp: boolean;
}
/** A louder frame from the agent is speech. */
const speechDb = -45;
/** Silence of the agent between sentences is below the first value, and after an answer above the second. */
const [betweenMs, politeMs] = [700, 1_500];
/** The agent counts as speaking this long after it was last heard. */
const nowMs = 100;
/** How long to wait for the agent to speak. */
const patientMs = 30_000;
const answerMs = 10_000;
const mostRepeats = 2;
const lookMs = 10;
/** How long the person speaks before the caller hangs up. */
const partingMs = 1_000;

/** Listens at a phone. */
function listenAt({ session }: SipPhone) {
  const heard = { firstAt: 0, lastAt: 0 };
  session.on({
    frame(audio) {
      if (levelDb(decode('PCMU', audio)) < speechDb) return;
      const now = Date.now();
      if (now - heard.lastAt > betweenMs) heard.firstAt = now;
      heard.lastAt = now;
    },
    fact: () => {},
  });
  return heard;
}

export interface CallParts {
  readonly uri: string;
  readonly phones: SipPhones;
  /** The caller's speech in a step. */
  readonly soundOf: (step: LiveStep) => Sound;
  /** The meaning of the agent's last words: the answer takes a moment, or the caller is asked to repeat. */
  readonly lastWords: () => Promise<'filler' | 'ask_again' | 'other'>;
  /** Resolves when the person who took the call has spoken. */
  readonly personSpoke: Promise<void>;
}
export async function makeCall(scenario: LiveScenario, { uri, phones, soundOf, lastWords, personSpoke }: CallParts): Promise<CallRecord> {
  const from = scenario.isWithheld ? 'anonymous' : '+79995550177';
  const phone = await phones.call(uri, `sip:${from}@127.0.0.1`);
  const heard = listenAt(phone);
  await until(() => phone.isConnected(), answerMs);
  const isOver = AbortSignal.timeout(scenario.untilMs);
  const wait = async (ready: () => boolean, ms = patientMs): Promise<void> => {
    for (const end = Date.now() + ms; !ready() && !phone.hasEnded() && !isOver.aborted && Date.now() < end; ) await delay(lookMs);
  };
  const done: StepRecord[] = [];
  for (const step of scenario.caller) {
    for (let times = 0; times < mostRepeats && step.over === undefined; times += 1) {
      const before = done.at(-1);
      await isDue(step, before?.to ?? 0);
      // A caller who is asked again says it again.
      if (before === undefined || (await lastWords()) !== 'ask_again') break;
      done[done.length - 1] = await act(before.step);
    }
    await isDue(step, done.at(-1)?.to ?? 0);
    if (phone.hasEnded()) break;
    done.push(await act(step));
  }
  if (scenario.expect.some((each) => 'hungUp' in each)) await wait(() => phone.hasEnded(), scenario.untilMs);
  else if (scenario.person !== undefined)
    await Promise.race([personSpoke.then(() => delay(partingMs)), wait(() => false, scenario.untilMs)]);
  else await hasFinished(done.at(-1)?.to ?? 0, 0);
  const hungUp = phone.hasEnded();
  phone.hangUp();
  await until(() => phone.hasEnded(), answerMs);
  return { done, hungUp };

  /** Resolves when the agent has spoken since then and fallen silent. */
  async function hasFinished(since: number, waitMs: number): Promise<void> {
    do await wait(() => heard.lastAt > since && Date.now() - heard.lastAt > Math.max(politeMs, waitMs));
    while (!phone.hasEnded() && !isOver.aborted && (await lastWords()) === 'filler');
  }
  async function isDue({ over, straight, wait: [waitMs] }: LiveStep, since: number): Promise<void> {
    if (straight) await wait(() => Date.now() > since + waitMs);
    else if (over === undefined) await hasFinished(since, waitMs);
    else await wait(() => heard.firstAt > since && Date.now() > heard.firstAt + waitMs && Date.now() < heard.lastAt + nowMs);
  }
  async function act(step: LiveStep): Promise<StepRecord> {
    const at = Date.now();
    if (step.hold !== undefined) {
      await phone.hold(true);
      await delay(step.hold);
      await phone.hold(false);
      return { step, from: at, to: Date.now(), words: '' };
    }
    const { samples, words } = soundOf(step);
    phone.speak(encode('PCMU', samples));
    await wait(() => Date.now() > at + msOf(samples));
    return { step, from: at, to: at + msOf(samples), words: words.map(({ text }) => text).join(' ') };
  }
}

/** A person who takes the offered call and says something. */
export async function takeCalls(phone: SipPhone, speech: Uint8Array): Promise<void> {
  phone.ring();
  phone.answer();
  const heard = listenAt(phone);
  await until(() => heard.firstAt > 0 && Date.now() > heard.firstAt + politeMs, patientMs);
  phone.press('1');
  // The key ends the agent's summary.
  await until(() => Date.now() > heard.lastAt + politeMs, patientMs);
  phone.speak(speech);
  await delay(speech.length / 8);
}
