import { expect, test } from '@jest/globals';
import { drawTranscript } from './transcript.ts';

const at = (ms: number) => new Date(Date.parse('2026-11-30T09:00:00Z') + ms).toISOString();
const said = { isInterrupted: false, waterfall: null };
const transcript = {
  entries: [
    { ...said, who: 'agent' as const, text: 'Здравствуйте!', startedAt: at(0), endedAt: at(900) },
    { ...said, who: 'customer' as const, text: 'сколько стоит стрижка', startedAt: at(1_500), endedAt: at(2_500) },
    {
      ...{ who: 'agent' as const, text: 'Две тысячи', startedAt: at(3_250), endedAt: at(4_000), isInterrupted: true },
      waterfall: {
        lastSoundAt: at(2_500),
        wordsAt: at(2_700),
        turnEndAt: at(3_000),
        sentenceAt: at(3_000),
        audioAt: at(3_200),
        heardAt: at(3_250),
      },
    },
  ],
};

test('a transcript has the time and the side of each entry, and before an answer what was waited for', () => {
  expect(drawTranscript(transcript, { ascii: false })).toBe(
    [
      '00:00.0  agent     Здравствуйте!',
      '00:01.5  customer  сколько стоит стрижка',
      `         ${'░'.repeat(11)}${'▒'.repeat(16)}${'█'.repeat(11)}${'◆'.repeat(3)} 750 ms: words 200, silence 300, voice 200, line 50`,
      '00:03.3  agent     Две тысячи (interrupted)',
      'answers     1, half of them within 750 ms after the last sound',
      '',
    ].join('\n'),
  );
});

test('a terminal without other letters gets the bar in ASCII', () => {
  expect(drawTranscript(transcript, { ascii: true })).toContain(` ${'.'.repeat(11)}${'-'.repeat(16)}${'#'.repeat(11)}>>> 750 ms`);
});

test('the words that came before the turn ended took none of its silence', () => {
  const [entry] = transcript.entries.slice(2);
  const early = { ...entry, waterfall: { ...entry?.waterfall, wordsAt: at(2_400) } } as (typeof transcript.entries)[number];
  expect(drawTranscript({ entries: [early] }, { ascii: false })).toContain('750 ms: silence 500, voice 200, line 50');
});
