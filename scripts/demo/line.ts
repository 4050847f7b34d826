/** The speakers of the demo's call, and the settings that let it ring at a local phone. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rateHz } from '../../media/audio/g711.ts';
import { makeTone } from '../../media/audio/tones.ts';
import { wavFile } from '../../media/audio/wav.ts';
import { state } from '../cli/system/project.ts';
import { onPath } from '../infra/find-program.ts';
import { freePort, isFree } from '../infra/ready.ts';

export const demoNumber = '+79995550172';
const usualPort = 5172;
const folder = join(state, 'demo');
const greeting = 'Здравствуйте! Салон «Лада», разговор записывается. Чем могу помочь?';

/**
 * Settings for the services that start next. With espeak-ng installed the agent talks, with the best installed ear; otherwise a line script
 * plays three tones.
 */
export async function lineSettings(): Promise<Readonly<Record<string, string>>> {
  await mkdir(folder, { recursive: true });
  const tones = [523, 659, 784].map((hz) => makeTone({ hz: [hz], ms: 700, dbm0: -12 }));
  const samples = Int16Array.from(tones.flatMap((tone) => [...tone]));
  await writeFile(join(folder, 'greeting.wav'), wavFile({ rateHz, channels: 1 }, samples));
  const script = { language: 'ru-RU', start: 'greeting', steps: { greeting: { do: 'say', text: { wav: 'greeting.wav' } } } };
  await writeFile(join(folder, 'line-script.json'), JSON.stringify(script, null, 2));
  const port = (await isFree(usualPort)) ? usualPort : await freePort();
  return {
    TELEPHONY_TEST_NUMBERS: demoNumber,
    TELEPHONY_TEST_TRUNK: `sip:127.0.0.1:${port}`,
    CALL_SCRIPT: join(folder, 'line-script.json'),
    ...(onPath('espeak-ng') !== null && { CALL_ATTENDANT: 'dialog', CALL_GREETING: greeting, TTS_KIND: 'espeak' }),
    ...(onPath('pocketsphinx_batch') !== null && { ASR_KIND: 'russian-acoustic' }),
  };
}
