import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { fakeRealtime } from '../../../adapters/realtime/realtime.fake.ts';
import { type Service, service } from '../../../bus/service.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { asr } from '../../../contracts/asr.ts';
import { company } from '../../../contracts/company.ts';
import { tts } from '../../../contracts/tts.ts';
import { rateHz } from '../../../media/audio/g711.ts';
import { levelDb } from '../../../media/audio/speech.ts';
import { makeTone } from '../../../media/audio/tones.ts';
import { readWav, wavFile } from '../../../media/audio/wav.ts';
import { loadServices } from '../../../runtime/services.ts';
import { busCommands } from '../../../scripts/cli/kernel/tree/bus.ts';
import { type RunningServer, startNats } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { runCommand } from '../../../test/kit/command-line.ts';
import { type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };

/** Hears at once the words that the test supplies for each turn, so that a busy machine causes no turn without words. */
const ears: Service = service({ serves: { asr }, settings: z.object({}) }).start(async () => ({
  asr: {
    recognize: async () => {
      throw new Error('not in this test');
    },
    capabilities: async () => ({ ears: [] }),
    async *follow_recording() {},
    async *recognize_stream(_input, up) {
      let bytes = 0;
      for await (const item of up) {
        if (item instanceof Uint8Array) {
          bytes += item.length;
          continue;
        }
        if ('expects' in item) continue;
        if (bytes > 4_000)
          yield { kind: 'final' as const, text: 'какой у вас адрес', confidence: 1, words: [], startMs: 0, endMs: 0, provider: 'test' };
        yield { kind: 'finalized' as const };
        bytes = 0;
      }
    },
  },
}));

let nats: RunningServer;
let it: World;
const dir = temporaryDir();
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  await it.start('asr', ears);
  const folders = ['tts', 'dialog-orchestrator', 'crm-connector', 'journal'];
  for (const { folder, service } of await loadServices(folders)) await it.start(folder, service);
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
});
const talk = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCommand(busCommands, ['talk', ...words], { natsUrl: nats.url, env });

test('a recording is the caller: it is heard, answered aloud, recorded, and its turn has a waterfall', async () => {
  const [question, both] = [join(dir, 'question.wav'), join(dir, 'both.wav')];
  const { audio } = await it.bus.call(tts.synthesize, { text: 'Какой у вас адрес?', voice: 'ru+f2', rateHz: 16_000 });
  await writeFile(question, audio as Uint8Array);
  const { status, stdout, stderr } = await talk(['--audio', question, '--record', both, '-o', 'json'], { CALL_GREETING: 'Да?' });
  expect([status, stderr]).toEqual([0, expect.stringContaining('какой у вас адрес')]);
  const { entries } = JSON.parse(stdout) as { entries: { who: string; text: string; waterfall: Record<string, string> | null }[] };
  expect(entries.map(({ who }) => who).slice(0, 3)).toEqual(['agent', 'customer', 'agent']);
  expect(entries[0]?.text).toBe('Да?');
  // On a busy machine a filler comes first.
  expect(entries.map(({ text }) => text).join()).toContain(salon.address);
  const { lastSoundAt = '', heardAt = '' } = entries.find(({ waterfall }) => waterfall !== null)?.waterfall ?? {};
  expect(Date.parse(heardAt) - Date.parse(lastSoundAt)).toBeGreaterThanOrEqual(500);
  const { samples, channels } = readWav(await readFile(both));
  expect(channels).toBe(2);
  for (const side of [0, 1]) expect(levelDb(samples.filter((_, at) => at % 2 === side))).toBeGreaterThan(-50);
});

test('a speech model is the agent: a recording interrupts it, and the transcript and the model keep only what was heard', async () => {
  const says = 'Стрижка стоит полторы тысячи рублей, укладка тысячу, а окрашивание от трёх тысяч, и это надолго.';
  const server = await fakeRealtime({
    words: () => 'подождите',
    answers: (_items, nth) => (nth === 1 ? { says, ms: 12_000 } : { says: 'Слушаю вас.' }),
  });
  // A detector of voices adapts to one tone.
  const [question, interruption] = [join(dir, 'question-tone.wav'), join(dir, 'interruption-tone.wav')];
  await writeFile(question, wavFile({ rateHz, channels: 1 }, makeTone({ hz: [500], ms: 500, dbm0: -12 })));
  await writeFile(interruption, wavFile({ rateHz, channels: 1 }, makeTone({ hz: [1_700], ms: 1_000, dbm0: -12 })));
  const settings = { REALTIME_KIND: 'openai', OPENAI_API_KEY: 'sk-test', OPENAI_REALTIME_URL: server.url };
  const words = ['--speech-model', '--audio', question, '--audio', `${interruption}@1s`, '--greeting', 'Да?', '-o', 'json'];
  const { status, stdout, stderr } = await talk(words, settings);
  expect([status, stderr]).toEqual([0, expect.stringContaining('(interrupted)')]);
  const { entries } = JSON.parse(stdout) as { entries: { who: string; text: string; isInterrupted: boolean }[] };
  expect(entries.map(({ who }) => who)).toEqual(['agent', 'customer', 'agent', 'customer', 'agent']);
  const heard = entries[2]?.text ?? '';
  expect(heard.length).toBeGreaterThan(0);
  expect(says.startsWith(heard)).toBe(true);
  expect(heard.length).toBeLessThan(says.length);
  const cut = server.received.find(({ type }) => type === 'conversation.item.truncate');
  expect(cut?.audio_end_ms).toBeGreaterThan(0);
  expect(cut?.audio_end_ms).toBeLessThan(12_000);
  await server.close();
});

test('an invalid setting of calls is refused before anything is said', async () => {
  const { status, stderr } = await talk(['--audio', join(dir, 'no.wav')], { CALL_VAD: 'ears' });
  expect([status, stderr]).toEqual([78, expect.stringContaining('CALL_VAD')]);
});

test('without a speech model in the settings nothing is said', async () => {
  const { status, stderr } = await talk(['--speech-model', '--audio', join(dir, 'no.wav')], { REALTIME_KIND: 'none' });
  expect([status, stderr]).toEqual([2, expect.stringContaining('REALTIME_KIND names no speech model')]);
});

test('a file other than WAV is refused before anything is said', async () => {
  const file = join(dir, 'text.wav');
  await writeFile(file, 'not audio');
  const { status, stderr } = await talk(['--audio', file]);
  expect([status, stderr]).toEqual([2, expect.stringContaining('is no WAV file')]);
});
