/** Kills the ear or the voice of talks in mid-sentence, and sends late audio of a dropped answer. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './ground.ts';
import { lateOf, sayingOf } from './speech-worker.ts';
import { sentence, toneOf } from './spoken-words.ts';
import { greeting, openTalkBed, type SpeechWorker, type Talking } from './talk-bed.ts';
import type { FaultTest } from './test.ts';

/** Talks at once, so that each kill meets some in mid-sentence. */
const atOnce = 4;
const unattendedMs = 3_000;
const spoken = sentence.join(' ');

export const t31: FaultTest = {
  id: 'T31',
  title: 'customers speak to the agent while its ear is killed in mid-sentence: which words are lost, and which are heard twice',
  async run(options) {
    const { full, control, signal, log } = options;
    const rounds = full ? 40 : control ? 2 : 5;
    await using bed = await openTalkBed(options, { unattendedMs });
    const dialog = await bed.speech({ as: 'dialog' });
    await bed.speech({ as: 'voice' });
    let ears = [await bed.speech({ as: 'ear' }), await bed.speech({ as: 'ear' })];
    await bed.orchestrator(control ? 'replay' : null);
    const counts = { sentences: 0, kills: 0, struck: 0, lost: 0, twice: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, () => bed.callIn()));
      await Promise.all(talks.map((talk) => talk.untilSilent()));
      for (const ear of ears) ear.reports.length = 0;
      const asked = dialog.reports.length;
      const speaking = Promise.all(talks.map(({ phone }) => phone.say(toneOf(sentence))));
      const hears = ({ reports }: SpeechWorker): boolean => reports.some((report) => 'heard' in report && report.heard === sentence[2]);
      await eventually(() => ears.some(hears), 10_000, signal);
      const victim = ears.find(hears) ?? ears[0];
      if (victim === undefined) throw new Error('there is no ear');
      await victim.kill();
      counts.kills += 1;
      counts.struck += victim.reports.filter((report) => 'heard' in report && report.heard === sentence[0]).length;
      ears = [...ears.filter((ear) => ear !== victim), await bed.speech({ as: 'ear' })];
      await speaking;
      await eventually(() => dialog.reports.length - asked >= atOnce, 8_000, signal);
      for (const { callId } of talks) {
        const heard = dialog.reports.flatMap((report) => ('asked' in report && report.of === callId ? report.asked.split(' ') : []));
        const times = (word: string): number => heard.filter((each) => each === word).length;
        counts.sentences += 1;
        counts.lost += sentence.filter((word) => times(word) === 0).length;
        counts.twice += sentence.filter((word) => times(word) > 1).length;
        if (heard.join(' ') !== spoken) log(`heard of ${spoken}: ${heard.join(' ')}`);
      }
      for (const { phone } of talks) phone.hangUp();
    }
    const harm = counts.lost + counts.twice;
    return { ok: harm === 0 && counts.struck >= counts.kills, harm, ...counts };
  },
};

const story = 'Мы работаем каждый день с десяти утра до девяти вечера без перерыва и без выходных.';
const next = 'Приходите к нам.';

export const t32: FaultTest = {
  id: 'T32',
  title:
    'the voice of the agent is killed in mid-sentence: what customers miss or hear twice, and what the transcript has that nobody heard',
  async run(options) {
    const { full, control, signal, log } = options;
    const rounds = full ? 40 : control ? 2 : 5;
    await using bed = await openTalkBed(options, { unattendedMs });
    await bed.speech({ as: 'dialog', reply: [story, next] });
    await bed.speech({ as: 'ear' });
    // At the pace of speech, so that nothing is buffered when the voice breaks off.
    const speaker = () => bed.speech({ as: 'voice', paceMs: 90 });
    let voices = [await speaker(), await speaker()];
    await bed.orchestrator(control ? 'break' : null);
    const counts = { talks: 0, kills: 0, struck: 0, missed: 0, twice: 0, falseLines: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, () => bed.callIn()));
      await Promise.all(talks.map((talk) => talk.untilSilent()));
      for (const voice of voices) voice.reports.length = 0;
      for (const { phone } of talks) void phone.say(toneOf(['завтра']));
      const isHalf = ({ reports }: SpeechWorker): boolean => reports.some((report) => 'halfOf' in report && report.halfOf === story);
      await eventually(() => voices.some(isHalf), 10_000, signal);
      const victim = voices.find(isHalf) ?? voices[0];
      if (victim === undefined) throw new Error('there is no voice');
      await victim.kill();
      counts.kills += 1;
      counts.struck += victim.reports.filter((report) => 'halfOf' in report && report.halfOf === story).length;
      voices = [...voices.filter((voice) => voice !== victim), await speaker()];
      const isSaid = (talk: Talking): boolean => talk.heard().includes(Buffer.from(sayingOf(next)));
      await eventually(() => talks.every(isSaid), 20_000, signal);
      for (const talk of talks) {
        const heard = talk.heard();
        const whole = [greeting, story, next].map(sayingOf);
        const lines = (await talk.transcript()).filter(({ who }) => who === 'agent');
        counts.talks += 1;
        counts.missed += whole.filter((sound) => !heard.includes(Buffer.from(sound))).length;
        counts.twice += heard.length > Buffer.concat(whole).length ? 1 : 0;
        counts.falseLines += lines.filter(
          ({ text, isInterrupted }) => !isInterrupted && !heard.includes(Buffer.from(sayingOf(text))),
        ).length;
        if (!heard.equals(Buffer.concat(whole)))
          log(`${heard.length} bytes were heard of ${Buffer.concat(whole).length}; ${lines.map(({ text }) => text).join(' | ')}`);
      }
      for (const { phone } of talks) phone.hangUp();
    }
    const harm = counts.missed + counts.twice + counts.falseLines;
    return { ok: harm === 0 && counts.struck > 0, harm, ...counts };
  },
};

export const t33: FaultTest = {
  id: 'T33',
  title: 'customers interrupt a voice that goes on after it is told to stop: who hears audio of an answer that was dropped',
  async run(options) {
    const { full, control, signal } = options;
    const rounds = full ? 40 : control ? 1 : 3;
    await using bed = await openTalkBed(options, { unattendedMs });
    await bed.speech({ as: 'dialog', reply: [story] });
    await bed.speech({ as: 'ear' });
    await bed.speech({ as: 'voice', paceMs: 90, isDeaf: true });
    await bed.orchestrator(control ? 'epoch' : null);
    const counts = { interruptions: 0, late: 0, unanswered: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const talks = await Promise.all(Array.from({ length: atOnce }, () => bed.callIn()));
      await Promise.all(talks.map((talk) => talk.untilSilent()));
      const begun = sayingOf(story).subarray(0, 1_600);
      await Promise.all(
        talks.map(async ({ phone, heard }) => {
          await phone.say(toneOf(['завтра']));
          await eventually(() => heard().includes(Buffer.from(begun)), 10_000, signal);
          await delay(600, undefined, { signal });
          await phone.say(toneOf(['подождите']));
        }),
      );
      // The answer to the interruption.
      const isAnswered = ({ heard }: Talking): boolean => heard().includes(Buffer.from(sayingOf(story)));
      await eventually(() => talks.every(isAnswered), 15_000, signal);
      for (const talk of talks) {
        const isCut = (await talk.transcript()).some(({ isInterrupted }) => isInterrupted);
        counts.interruptions += isCut ? 1 : 0;
        counts.late += talk.heard().includes(Buffer.from(lateOf(story).subarray(0, 800))) ? 1 : 0;
        counts.unanswered += isAnswered(talk) ? 0 : 1;
        talk.phone.hangUp();
      }
    }
    const harm = counts.late + (control ? 0 : counts.unanswered);
    return { ok: harm === 0 && counts.interruptions > 0, harm, ...counts };
  },
};
