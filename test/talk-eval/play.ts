/** Plays a scenario once, with texts, voices and times chosen by a seed. */
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import type { TalkRules } from '../../services/call-orchestrator/talk/rules.ts';
import type { Callers } from './callers.ts';
import { numberGroups, phoneGroups, spokenGroups } from './numbers.ts';
import type { Range, Scenario, Step } from './scenario.ts';
import { atLevel, burst, joined, music, noise, pitched, type Sound } from './sound.ts';
import { type AgentVoice, type Observation, observe } from './talk.ts';

type Random = () => number;
type SoundStep = Pick<Step, 'say' | 'play' | 'ms' | 'pauses' | 'pitch' | 'gain'>;
export const between = (random: Random, [from, to]: Range): number => from + random() * (to - from);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const breath = /\s*…\s*/;

/** The parts of a text between pauses, with its placeholders filled. */
function breathsOf(step: SoundStep, random: Random): readonly string[] {
  return oneOf(random, step.say ?? [])
    .replace('{phone}', () => spokenGroups(phoneGroups(random)))
    .replace('{number}', () => spokenGroups(numberGroups(random)))
    .split(breath)
    .filter((part) => part !== '');
}
/** All texts that a voice must say for a scenario. */
export function textsOf({ caller }: { readonly caller: readonly Pick<Step, 'say'>[] }): readonly string[] {
  return caller
    .flatMap(({ say }) => (say ?? []).flatMap((text) => text.split(breath)))
    .filter((text) => text !== '' && !text.includes('{'));
}
/** The sound of a caller in a step. */
export function soundOf(step: SoundStep, { callers, recording, db }: Caller, random: Random): Sound {
  const silent = (samples: Int16Array): Sound => ({ samples, words: [], pauses: [] });
  const made = (): Sound => {
    const ms = between(random, step.ms);
    switch (step.play) {
      case 'cough':
        return silent(burst(ms, random));
      case 'noise':
        return silent(noise(ms, random));
      case 'music':
        return silent(music(ms, random));
      case 'recording':
        return callers.recording(recording());
      case 'opening':
        return openingOf(callers.recording(recording()));
      case undefined: {
        const parts = breathsOf(step, random).map((text) => callers.speak(text));
        return joined(
          parts,
          parts.map(() => between(random, step.pauses)),
        );
      }
    }
  };
  const sound = pitched(made(), between(random, step.pitch) / 100);
  return { ...sound, samples: atLevel(sound.samples, db + between(random, step.gain)) };
}
interface Caller {
  readonly callers: Callers;
  /** The next recording. */
  readonly recording: () => number;
  readonly db: number;
}
/** A stride through the recordings that visits each once. */
const stride = 101;
function openingOf(sound: Sound): Sound {
  const end = sound.pauses.find(({ from }) => from > 900)?.from ?? 2_500;
  return { samples: sound.samples.subarray(0, end * 8), words: sound.words.filter(({ to }) => to <= end), pauses: [] };
}

export interface PlayedTalk {
  readonly observed: Observation;
  readonly seed: number;
}
export async function play(
  scenario: Scenario,
  seed: number,
  { callers, voice, rules }: { readonly callers: Callers; readonly voice: AgentVoice; readonly rules?: Partial<TalkRules> },
): Promise<PlayedTalk> {
  const random = seededRandom(seed);
  const db = between(random, scenario.db);
  let nth = seed * scenario.caller.length;
  const recording = (): number => (nth++ * stride) % callers.recordings;
  const caller = scenario.caller.map((step) => ({
    cue: {
      over: step.over === undefined ? undefined : new RegExp(step.over, 'iu'),
      isStraight: step.straight,
      waitMs: Math.round(between(random, step.wait)),
    },
    sound: soundOf(step, { callers, recording, db }, random),
  }));
  const level = between(random, scenario.snr);
  const hiss = atLevel(noise(1_000, random, 0.5), db - level);
  let at = 0;
  const observed = await observe(
    {
      ...{ greeting: scenario.greeting, caller, untilMs: scenario.untilMs, ...(rules === undefined ? {} : { rules }) },
      replies: scenario.agent.map(({ to, say, tool, expects, afterMs }) => ({
        ...{ to: to === undefined ? null : new RegExp(to, 'iu'), sentence: say === undefined ? null : oneOf(random, say) },
        ...{ tool: tool ?? null, expects, afterMs: between(random, afterMs) },
      })),
      ...(scenario.echo === undefined
        ? {}
        : { echo: { gain: 10 ** (between(random, scenario.echo.db) / 20), delayMs: between(random, scenario.echo.ms) } }),
      noise(frame) {
        for (let nth = 0; nth < frame.length; nth += 1) {
          frame[nth] = Math.max(-32_768, Math.min(32_767, (frame[nth] ?? 0) + (hiss[at] ?? 0)));
          at = (at + 1) % hiss.length;
        }
      },
    },
    voice,
  );
  return { observed, seed };
}
