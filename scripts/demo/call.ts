/** The demo's phone call: prints what was said and what happened, the path of the audio, and its quality. */
import { randomUUID } from 'node:crypto';
import { calls } from '../../contracts/calls.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { telephony } from '../../contracts/telephony.ts';
import { meanOpinion } from '../../media/rtp/reception.ts';
import { drawLadder } from '../../media/sip/ladder.ts';
import { levelsOf, recordingOf, shownLevel } from '../../services/call-orchestrator/cli/audio.ts';
import { drawTranscript, waitsIn } from '../../services/call-orchestrator/cli/transcript.ts';
import type { Invocation } from '../cli/kernel/command.ts';
import type { Connected } from '../cli/kernel/connect.ts';
import { pause } from '../cli/system/pause.ts';
import { isFree } from '../infra/ready.ts';
import { temporaryDir } from '../infra/temporary.ts';
import { type Line, speakLines } from './customer.ts';
import { demoNumber } from './line.ts';
import { type DemoPhone, startPhone } from './phone.ts';

const callMs = 150_000;
/** The customer speaks after this much silence from this system; after the second time even if it has not answered. */
const [politeMs, patientMs] = [2_000, 20_000];
const settleMs = 10_000;
const lookEveryMs = 100;
type Messages = OutputOf<typeof telephony.list_sip_messages>['items'];
interface Heard {
  /** Pieces not yet played at the phone, and when the last one was. */
  readonly waiting: Set<string>;
  quietSince: number | null;
  frames: number;
  pieces: number;
  lost: number;
  rttMs: number;
}
/** One frame and the minimum of the jitter buffer. */
const bufferedMs = 60;
type Call = OutputOf<typeof calls.get_call>;

/** Makes the call, or notes why it cannot. Returns false if the call did not end as it should. */
export async function showPhoneCall(connected: Connected, { out, signal }: Invocation): Promise<boolean> {
  const { bus } = connected;
  const port = await portOfTrunk(connected, signal);
  if (port === null) {
    out.note(
      'no SIP phone is called: telephony-gateway was started without the settings of the demo; polyb down and npm run demo do',
      'warn',
    );
    return true;
  }
  if (!(await isFree(port))) {
    out.note(`no SIP phone is called: another program uses port ${port}, where it would be`, 'warn');
    return true;
  }
  const customer = (await settingOf(connected, 'calls', 'CALL_ATTENDANT', signal)) === 'dialog' ? await speakLines(temporaryDir()) : null;
  await using phone = await startPhone(demoNumber, port, signal, { isSilent: customer !== null });
  if (phone.instead !== null) out.note(`${phone.instead}; a phone of this project in a second process stands in`, 'warn');
  out.note(`\nA phone of this machine is called over SIP: ${phone.name} at 127.0.0.1:${port}.`);
  if (customer !== null) out.note(`Its customer talks with the agent and books a visit. The voice is ${customer.voice}.`);
  const until = AbortSignal.any([signal, AbortSignal.timeout(callMs)]);
  const { callId } = await bus.call(
    calls.start_call,
    { leadId: 'demo', phoneNumber: demoNumber },
    { key: `demo-call-${randomUUID()}`, signal: until },
  );
  const heard: Heard = { waiting: new Set(), quietSince: null, frames: 0, pieces: 0, lost: 0, rttMs: 0 };
  const over = new AbortController();
  const talking = AbortSignal.any([until, over.signal]);
  let call: Call | undefined;
  let shown = '';
  for await (call of bus.open(calls.watch_call, { callId }, nothing(), { signal: until })) {
    if (call.state !== shown) out.note(call.state, 'ok');
    if (shown === '' || call.legId === null || heard.pieces + heard.frames > 0) {
      shown = call.state;
      continue;
    }
    shown = call.state;
    void count(bus, call.legId, heard, talking).catch(() => {}); // The call itself is unaffected.
    if (customer === null) continue;
    void speak(customer.lines, phone, heard, talking).catch(() => {}); // it has ended
    void tell(bus, callId, out, talking).catch(() => {});
  }
  over.abort();
  if (call?.state !== 'ended' || call.outcome !== 'answered') {
    out.note(`the call is ${call?.state}, ${call?.outcome}\n  polyb sip trace ${callId}`, 'bad');
    return false;
  }
  const messages = await within(settleMs, signal, async () => {
    const { items } = await bus.call(telephony.list_sip_messages, { callId }, { signal });
    return items.some(({ label }) => /^200 .*BYE/.test(label)) ? items : null;
  });
  out.print(`\n${drawLadder((messages ?? []).map(({ at, isSent, peer, label }) => ({ atMs: Date.parse(at), isSent, peer, label })))}`);
  const lost = heard.lost === 0 ? 'none lost' : `${heard.lost} lost`;
  const mos = meanOpinion({ delayMs: heard.rttMs / 2 + bufferedMs, loss: heard.lost / Math.max(1, heard.lost + heard.frames) });
  out.print(
    [
      `audio    ${phone.name} ⇄ RTP (${codecOf(messages ?? [])}, 20 ms) ⇄ media worker ⇄ bus ⇄ ${customer === null ? 'line script' : 'ear, agent and voice'}; both sides → recording`,
      `         ${heard.frames} frames from the phone (${lost}, MOS about ${mos.toFixed(1)} of 4.4), ${heard.pieces} pieces to it`,
    ].join('\n'),
  );
  const wav = await within(settleMs, signal, async () => await recordingOf(bus, callId, signal).catch(() => null));
  if (wav === null) {
    out.note(`the recording is not stored yet: polyb calls audio ${callId} -o call.wav`, 'warn');
    return true;
  }
  const { seconds, leftDb, rightDb } = levelsOf(wav);
  if (customer !== null) {
    const transcript = await bus.call(calls.get_transcript, { callId }, { signal });
    out.print(`\n${drawTranscript(transcript, out, waitsIn(wav, transcript))}`);
  }
  out.print(`heard    ${seconds} s: left (the phone) ${shownLevel(leftDb)}, right (this system) ${shownLevel(rightDb)}`);
  out.print(`\n  polyb sip trace ${callId} --full\n  polyb calls audio ${callId} -o call.wav`);
  return true;
}

/** The port of the running gateway's test trunk; an earlier demo may have started it. */
async function portOfTrunk(connected: Connected, signal: AbortSignal): Promise<number | null> {
  const given = (name: string) => settingOf(connected, 'telephony', name, signal);
  const [, port] = /^sip:127\.0\.0\.1:(\d+)$/.exec(await given('TELEPHONY_TEST_TRUNK')) ?? [];
  return port !== undefined && (await given('TELEPHONY_TEST_NUMBERS')).includes(demoNumber) ? Number(port) : null;
}
async function settingOf({ bus, prefix }: Connected, contract: string, name: string, signal: AbortSignal): Promise<string> {
  const replies = await bus.gather(`${prefix}.ctl.${contract}`, { op: 'settings' }, { waitMs: 2_000, quietMs: 250, signal });
  const settings = replies.flatMap(
    (reply) => (reply as { readonly settings?: readonly { name: string; value: string | null }[] }).settings ?? [],
  );
  return settings.find((setting) => setting.name === name)?.value ?? '';
}

/** Speaks the customer's lines one by one, each when this system has finished. */
async function speak(lines: readonly Line[], phone: DemoPhone, heard: Heard, signal: AbortSignal): Promise<void> {
  for (const { file, ms } of lines) {
    await within(patientMs, signal, async () => {
      const { quietSince, waiting } = heard;
      return quietSince !== null && waiting.size === 0 && Date.now() - quietSince > politeMs ? true : null;
    });
    phone.play(file);
    await pause(ms, signal);
    heard.quietSince = null;
  }
}
/** Prints the conversation as it happens. */
async function tell(bus: Connected['bus'], callId: string, out: Invocation['out'], signal: AbortSignal): Promise<void> {
  for (let told = 0; ; ) {
    const { entries } = await bus.call(calls.get_transcript, { callId }, { signal });
    for (const { who, text } of entries.slice(told)) out.note(`${who.padEnd(9)} ${text}`);
    told = entries.length;
    await pause(lookEveryMs * 5, signal);
  }
}

async function count(bus: Connected['bus'], legId: string, heard: Heard, signal: AbortSignal) {
  for await (const each of bus.tap(telephony.media, legId, { signal })) {
    if (each.kind !== 'item') continue;
    const { item } = each;
    if (item instanceof Uint8Array) heard.frames += 1;
    else if ('audio' in item) {
      heard.pieces += 1;
      heard.waiting.add(item.id);
    } else if ('played' in item) {
      heard.waiting.delete(item.played);
      heard.quietSince = Date.now();
    } else if ('lost' in item) heard.lost += item.lost;
    else if ('rttMs' in item) heard.rttMs = item.rttMs;
  }
}

/** The codec, by the payload type of the answer (RFC 3551). */
function codecOf(messages: Messages): string {
  const [, type] = /^m=audio \d+ \S+ (\d+)/m.exec(messages.find(({ label }) => /^200 OK SDP/.test(label))?.text ?? '') ?? [];
  return { 0: 'G.711 μ-law', 8: 'G.711 A-law' }[Number(type)] ?? 'an unknown codec';
}

/** The first result of `look` that is not null; null when there is none in time. */
async function within<T>(ms: number, signal: AbortSignal, look: () => Promise<T | null>): Promise<T | null> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== null || Date.now() > end) return found;
    await pause(lookEveryMs, signal);
  }
}
async function* nothing(): AsyncGenerator<never> {}
