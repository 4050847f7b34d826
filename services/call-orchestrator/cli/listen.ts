/** `polyb calls listen`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { telephony } from '../../../contracts/telephony.ts';
import { type Ask, withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import type { Connected } from '../../../scripts/cli/kernel/connect.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { heardAudio } from './heard-audio.ts';
import { watchCall } from './watch-call.ts';
import { whisperIn } from './whisper.ts';

const silentMs = 3_000;
/** Pause between two streams of one call. */
const againMs = 200;

export async function listenTo(invocation: Invocation): Promise<number> {
  const { args, flags, out, path } = invocation;
  const [callId] = args;
  if (callId === undefined) throw wrongUsage('expected the id of a call', { subject: path, next: ['polyb calls ls --state answered'] });
  const file = flags.text('file');
  const source = flags.text('whisper');
  if (source !== undefined) {
    if (flags.text('take-over') !== undefined) throw wrongUsage('--whisper and --take-over cannot be combined', { subject: path });
    return await withAsk(invocation, async (_ask, connected) => await whisperIn(callId, source, await connected(), invocation), {
      lasting: true,
    });
  }
  if (file === undefined && out.isTty)
    throw wrongUsage('audio cannot be shown on a terminal', {
      subject: path,
      next: [`polyb calls listen ${callId} -o call.wav`, `polyb calls listen ${callId} | aplay -t raw -f S16_LE -r 8000 -c 2`],
    });
  return await withAsk(invocation, async (ask, connected) => await hear(callId, { ...(await connected()), ask }, file, invocation), {
    lasting: true,
  });
}

/** Spoken to the person who takes over, before the last words of the customer. */
const spokenSummary = 'Разговор ведёт агент.';
const mostSummary = 500;

/** Calls the person who takes over; the customer hears music until that person presses 1. */
async function takeOver(callId: string, ask: Ask, { flags, out }: Pick<Invocation, 'flags' | 'out'>): Promise<void> {
  const to = flags.text('take-over');
  if (to === undefined) return;
  const { entries } = await ask<OutputOf<typeof calls.get_transcript>>('calls.get_transcript', { callId });
  const last = entries.findLast(({ who }) => who === 'customer');
  const summary = flags.text('summary') ?? [spokenSummary, last && `Клиент сказал: ${last.text}.`].filter(Boolean).join(' ');
  await ask('calls.transfer_call', { callId, to, mode: 'attended', summary: summary.slice(0, mostSummary) });
  out.note(`${to} is called, and hears: ${summary.slice(0, mostSummary)}`, 'ok');
}

async function hear(
  callId: string,
  { bus, ask }: Connected & { readonly ask: Ask },
  file: string | undefined,
  { flags, out, signal }: Invocation,
): Promise<number> {
  const over = new AbortController();
  const forMs = flags.ms('for');
  const until = AbortSignal.any([signal, over.signal, ...(forMs === undefined ? [] : [AbortSignal.timeout(forMs)])]);
  const leg = Promise.withResolvers<string | null>();
  const watching = (async () => {
    let takenBy: string | null = null;
    for await (const { state, legId, transferredTo, provider } of watchCall({ bus }, callId, until)) {
      if (provider !== null)
        throw refusal('failed_precondition', `${provider} has the audio of call ${callId}; it does not come here`, {
          subject: 'calls listen',
          next: [`polyb calls transcript ${callId}`],
        });
      if (state !== 'ended' && legId !== null) leg.resolve(legId);
      if (transferredTo !== null && transferredTo !== takenBy) out.note(`${transferredTo} has taken over the call`, 'ok');
      takenBy = transferredTo;
    }
  })()
    .catch((error: unknown) => {
      if (!until.aborted) leg.reject(error);
    })
    .finally(() => {
      leg.resolve(null);
      over.abort();
    });
  const legId = await leg.promise;
  if (legId === null)
    throw refusal('failed_precondition', `call ${callId} has ended`, {
      subject: 'calls listen',
      next: [`polyb calls audio ${callId} -o call.wav`],
    });

  const audio = await heardAudio(file, out);
  const missed = { left: 0, right: 0 };
  let frames = 0;
  let seconds = 0;
  const warning = setTimeout(
    () => out.note('no audio yet: nobody is speaking on this call, or this user may not listen', 'warn'),
    silentMs,
  );
  out.note(`listening to ${callId} (Ctrl-C to stop)`, 'ok');
  const taking = takeOver(callId, ask, { flags, out });
  taking.catch(() => over.abort()); // Awaited at the end.
  try {
    while (!until.aborted) {
      try {
        for await (const heard of bus.tap(telephony.media, legId, { signal: until })) {
          clearTimeout(warning);
          if (heard.kind === 'dropped') missed[heard.side === 'up' ? 'right' : 'left'] += heard.items;
          if (heard.kind !== 'item') continue;
          const { item } = heard;
          if (item instanceof Uint8Array) {
            frames += 1;
            audio.left(item);
          } else if ('audio' in item) audio.right(item.audio);
          else if ('clear' in item) audio.clearRight();
        }
      } catch (error) {
        // The holder is gone; either the call ends or another stream begins.
        if (!until.aborted && !(isPolybError(error) && error.code === 'upstream_failed')) throw error;
      }
      await delay(againMs, undefined, { signal: until }).catch(() => {}); // it is over
    }
  } finally {
    clearTimeout(warning);
    over.abort();
    await watching;
    ({ seconds } = await audio.close());
  }
  await taking;
  out.note(
    `heard ${seconds} s, ${frames} frames of the customer; missed ${missed.left} of them and ${missed.right} pieces of this system`,
    'ok',
  );
  if (file !== undefined) await out.result({ file, seconds, frames, missed }, { text: () => `${file}  ${seconds} s\n` });
  return 0;
}
