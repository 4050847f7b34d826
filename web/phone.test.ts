/** The page Phone in a real browser with a fake microphone, before a real WebRTC gateway; a test answers the routes with it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LegHost } from '../adapters/telephony/leg-gateway.ts';
import type { Leg, LegChange } from '../adapters/telephony/port.ts';
import { RingData, type Softphones, webrtcSettings, webrtcTelephony } from '../adapters/vendors/webrtc/telephony.ts';
import { decode, encode } from '../media/audio/g711.ts';
import { wavFile } from '../media/audio/wav.ts';
import { quiet } from '../runtime/noop-log.ts';
import { type Browser, findBrowser, openBrowser } from '../test/kit/browser.ts';
import { type DeskServer, deskServer } from '../test/kit/desk.ts';
import { until } from '../test/kit/until.ts';
import { click, patienceMs, says } from '../test/kit/visit.ts';

const program = findBrowser();
/** Debian's package `chromium`, or any Chrome on the PATH. */
const inBrowser = program === null ? test.skip : test;
const rateHz = 8_000;
/** What the microphone hears: syllables of a rising tone, with pauses of different lengths. */
const pauses = [240, 100, 320, 160, 400, 80, 200, 280];
function syllables(): Int16Array<ArrayBuffer> {
  const samples: number[] = [];
  for (const pauseMs of pauses) {
    for (let n = 0; n < 0.2 * rateHz; n += 1) samples.push(12_000 * Math.sin((2 * Math.PI * (400 + n / 4) * n) / rateHz));
    for (let n = 0; n < (pauseMs / 1_000) * rateHz; n += 1) samples.push(0);
  }
  return Int16Array.from(samples);
}
const spoken = syllables();

let server: DeskServer;
let browser: Browser;
let phones: Softphones;
let directory: string;
const changes: LegChange[] = [];
const legs = new Map<string, Leg>();
const rings = new Map<string, string>();
const heard: Uint8Array[] = [];
const keys: string[] = [];
const listed = new Map<string, object>();
let answered = 0;

beforeAll(async () => {
  if (program === null) return;
  directory = mkdtempSync(join(tmpdir(), 'polyb-phone-'));
  const wav = join(directory, 'microphone.wav');
  writeFileSync(wav, wavFile({ rateHz, channels: 1 }, spoken));
  const host: LegHost = {
    identify: () => ({ legId: 'leg_in', callId: 'call_in' }),
    held(leg) {
      legs.set(leg.legId, leg);
      leg.media.listen({ frame: (audio) => void heard.push(audio), fact: (fact) => void ('dtmf' in fact && keys.push(fact.dtmf)) });
    },
    saved: async () => null,
    save: (legId, data) => void rings.set(legId, RingData.parse(data).ring),
    changed(change) {
      changes.push(change);
      announce(change);
    },
    offered: (leg) => void leg.answer(AbortSignal.timeout(patienceMs)).catch(() => {}), // It may hang up first.
    answered() {
      answered += 1;
    },
  };
  const options = { ...webrtcSettings.parse({}), WEBRTC_LISTEN: '127.0.0.1:8520-8529' };
  [server, browser, phones] = await Promise.all([
    deskServer(),
    openBrowser(program, [
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${wav}`,
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
    ]),
    webrtcTelephony(options, { log: quiet, now: Date.now, hasPage: () => true }).start(host),
  ]);
  server.on('GET /api/v1/session', () => session);
  server.on('GET /api/v1/counters', () => ({ items: [] }));
  server.on('GET /api/v1/campaigns', () => ({ items: [], nextCursor: null }));
  server.on('GET /api/v1/phone/calls', () => ({ items: [...listed.values()] }));
  server.on('POST /api/v1/phone/calls', ({ body }) => phones.call({ from: 'person:anna', ...(body as { to: string; offer: string }) }));
  server.on('POST /api/v1/phone/calls/leg_1/answer', ({ body }) => phones.take('leg_1', body as { ring: string; offer: string }));
  server.on('POST /api/v1/phone/calls/leg_1/hold', async ({ body }) => {
    const { on } = body as { on: boolean };
    await legs.get('leg_1')?.[on ? 'hold' : 'resume'](AbortSignal.timeout(5_000));
    return {};
  });
  for (const legId of ['leg_1', 'leg_in'])
    server.on(`POST /api/v1/phone/calls/${legId}/hang-up`, () => {
      phones.hangUp(legId);
      return {};
    });
});
afterAll(async () => {
  await browser?.close();
  await phones?.close();
  await server?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});
const session = {
  person: { personId: 'anna', name: 'Анна', role: 'manager' },
  ...{ hasPassword: true, needsSecondFactor: false, permissions: [] },
};
/** As the topic `phone` of the event stream has it. */
function announce({ legId, callId, direction, from, to, state, hangUpCause, at }: LegChange): void {
  const item = {
    ...{ topic: 'phone', legId, callId, at, cause: hangUpCause, direction: direction === 'out' ? 'to_person' : 'from_person' },
    other: direction === 'out' ? from : to,
    state: state === 'resumed' ? 'answered' : state,
    ring: state === 'ringing' ? (rings.get(legId) ?? null) : null,
  };
  listed.set(legId, item);
  server.stream.send(`event: phone\ndata: ${JSON.stringify(item)}\n\n`);
}

/** Loudness of each 20 ms. */
function envelope(samples: Int16Array): readonly number[] {
  return Array.from({ length: Math.floor(samples.length / 160) }, (_, frame) =>
    Math.sqrt(samples.subarray(frame * 160, frame * 160 + 160).reduce((sum, sample) => sum + sample * sample, 0) / 160),
  );
}
/** The best correlation of what was heard with the file, which the browser repeats. */
function likeness(): number {
  const all = envelope(decode('PCMU', Buffer.concat(heard)));
  const file = envelope(spoken);
  let best = 0;
  for (let lag = 0; lag + file.length <= all.length; lag += 1) best = Math.max(best, correlation(file, all.slice(lag, lag + file.length)));
  return best;
}
function correlation(one: readonly number[], other: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(one), mean(other)];
  const dot = (f: (n: number) => number): number => one.reduce((sum, _, n) => sum + f(n), 0);
  const [x, y] = [(n: number) => (one[n] ?? 0) - a, (n: number) => (other[n] ?? 0) - b];
  return dot((n) => x(n) * y(n)) / Math.sqrt(dot((n) => x(n) ** 2) * dot((n) => y(n) ** 2) || 1);
}
const tone = encode(
  'PCMU',
  Int16Array.from({ length: rateHz / 2 }, (_, n) => 8_000 * Math.sin((2 * Math.PI * 600 * n) / rateHz)),
);

inBrowser(
  'every page leads to the phone when it rings, which answers with its microphone, is heard and hears, presses keys, holds and hangs up; then it calls, and axe finds nothing',
  async () => {
    const page = await browser.open(`${server.origin}/desk/campaigns`);
    await page.look({ width: 1280, height: 800, scheme: 'light' });
    await until(() => server.stream.followers() === 1, patienceMs);
    await phones.place(
      { callId: 'call_1', to: 'person:anna', from: '+79995553322' },
      { legId: 'leg_1', signal: AbortSignal.timeout(patienceMs) },
    );
    await says(page, 'Вам звонят: открыть телефон', '[role=alert] a');
    await page.value(`document.querySelector('[role=alert] a').click()`);
    await says(page, 'Вам звонит +7 999 555-33-22', '.ring');
    await page.value(readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'));
    const found: unknown[] = [];
    const axe = async (): Promise<void> =>
      void found.push(
        ...((await page.value(
          `axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`,
        )) as string[]),
      );
    await axe();
    await page.press('KeyA', 'ф');
    await says(page, 'Разговор: +7 999 555-33-22', '.talk');
    expect(answered).toBe(1);
    await axe();

    await until(() => likeness() > 0.8, patienceMs);
    const leg = legs.get('leg_1') as Leg;
    await page.holds(`document.querySelector('meter[name=other]').value < 0.1`, patienceMs);
    for (let n = 0; n < 8; n += 1) leg.media.play({ id: `tone_${n}`, audio: tone });
    await page.holds(`document.querySelector('meter[name=other]').value > 0.5`, patienceMs);
    await page.press('Digit5', '5');
    await page.press('Digit3', '#');
    await until(() => keys.join('') === '5#', patienceMs);
    await says(page, 'Нажато: 5#');

    await click(page, 'Удержать');
    await says(page, 'На удержании', '.talk');
    await click(page, 'Вернуться к разговору');
    await says(page, 'Разговор', '.talk h2');
    await page.press('KeyM', 'ь');
    await says(page, 'вас не слышно');
    await page.look({ width: 320, height: 900, scheme: 'dark' });
    await axe();
    expect(await page.value('document.documentElement.scrollWidth > innerWidth')).toBe(false);
    await page.press('Escape', 'Escape');
    await says(page, 'Звонков нет');
    expect(changes.filter(({ legId }) => legId === 'leg_1').at(-1)).toMatchObject({ outcome: 'answered', endedBy: 'remote' });

    await page.value(`document.querySelector('input[name=to]').focus()`);
    await page.type('100');
    await page.press('Enter', 'Enter');
    await says(page, 'Разговор: 100', '.talk');
    await legs.get('leg_in')?.hangUp(AbortSignal.timeout(5_000));
    await says(page, 'Звонок закончен');
    expect(found).toEqual([]);
    expect(page.complaints).toEqual([]);
    await page.close();
  },
  4 * patienceMs,
);
