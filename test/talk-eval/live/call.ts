/** One call: a caller at a SIP phone does what the scenario says, and a person at another takes the call if one is wanted. */
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import type { SipPhone, SipPhones } from '../../kit/sip-phone.ts';
import { until } from '../../kit/until.ts';
import { msOf, type Sound } from '../sound.ts';
import type { LiveScenario, LiveStep } from './scenario.ts';

/** What the caller did, Unix ms. */
export interface Done {
  readonly step: LiveStep;
  readonly from: number;
  readonly to: number;
  /** Of what was said: its words, and how often the caller paused in it. */
  readonly words: string;
}
export interface Called {
  readonly done: readonly Done[];
  /** The agent has hung up. */
  readonly hungUp: boolean;
}
/** A frame from the agent that is louder is speech. */
const speechDb = -45;
/** Between two sentences the agent is silent for less than the first, and has finished after the second. */
const [betweenMs, politeMs] = [700, 1_500];
/** It speaks now if it was heard so long ago. */
const nowMs = 100;
/** How long the agent may be silent when it is to speak. */
const patientMs = 30_000;
const answerMs = 10_000;
const mostRepeats = 2;
const lookMs = 10;
/** How long the person is heard before the caller hangs up. */
const partingMs = 1_000;

/** What is heard at a phone. */
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
  /** What the caller says in a step. */
  readonly soundOf: (step: LiveStep) => Sound;
  /** What the agent's last words mean to a caller: the answer takes a moment, or they are asked again. */
  readonly lastWords: () => Promise<'filler' | 'ask_again' | 'other'>;
  /** Resolves when the person who took the call has spoken. */
  readonly personSpoke: Promise<void>;
}
export async function makeCall(scenario: LiveScenario, { uri, phones, soundOf, lastWords, personSpoke }: CallParts): Promise<Called> {
  const from = scenario.isWithheld ? 'anonymous' : '+79995550177';
  const phone = await phones.call(uri, `sip:${from}@127.0.0.1`);
  const heard = listenAt(phone);
  await until(() => phone.isConnected(), answerMs);
  const isOver = AbortSignal.timeout(scenario.untilMs);
  const wait = async (ready: () => boolean, ms = patientMs): Promise<void> => {
    for (const end = Date.now() + ms; !ready() && !phone.hasEnded() && !isOver.aborted && Date.now() < end; ) await delay(lookMs);
  };
  const done: Done[] = [];
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

  /** The agent was heard since then, and is silent. */
  async function hasFinished(since: number, waitMs: number): Promise<void> {
    do await wait(() => heard.lastAt > since && Date.now() - heard.lastAt > Math.max(politeMs, waitMs));
    while (!phone.hasEnded() && !isOver.aborted && (await lastWords()) === 'filler');
  }
  async function isDue({ over, straight, wait: [waitMs] }: LiveStep, since: number): Promise<void> {
    if (straight) await wait(() => Date.now() > since + waitMs);
    else if (over === undefined) await hasFinished(since, waitMs);
    else await wait(() => heard.firstAt > since && Date.now() > heard.firstAt + waitMs && Date.now() < heard.lastAt + nowMs);
  }
  async function act(step: LiveStep): Promise<Done> {
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

/** A person who takes the call that they are offered, and says something. */
export async function takeCalls(phone: SipPhone, speech: Uint8Array): Promise<void> {
  phone.ring();
  phone.answer();
  const heard = listenAt(phone);
  await until(() => heard.firstAt > 0 && Date.now() > heard.firstAt + politeMs, patientMs);
  phone.press('1');
  // What the agent says to the person ends with the key.
  await until(() => Date.now() > heard.lastAt + politeMs, patientMs);
  phone.speak(speech);
  await delay(speech.length / 8);
}
