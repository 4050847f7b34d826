/** Commands of `polyb calls`. */
import type { calls } from '../../../contracts/calls.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import type { telephony } from '../../../contracts/telephony.ts';
import { askMethod, withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { drawTranscript } from './transcript.ts';
import { watchCall } from './watch-call.ts';

type Page = OutputOf<typeof calls.list_calls>;
type Call = Page['items'][number];
type Transcript = OutputOf<typeof calls.get_transcript>;
type Trunks = OutputOf<typeof telephony.list_trunks>;

export async function listCalls(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const [state, phoneNumber, limit, cursor] = [flags.text('state'), flags.text('phone'), flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<Page>(invocation, 'calls.list_calls', {
    ...(state !== undefined && { state }),
    ...(phoneNumber !== undefined && { phoneNumber }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['CALL', 'DIR', 'PHONE', 'STATE', 'OUTCOME', 'STARTED', 'END'],
      rows: page.items.map((call) => [
        call.callId,
        call.provider === null ? call.direction : `${call.direction} (${call.provider})`,
        call.phoneNumber ?? 'withheld',
        call.state,
        call.outcome ?? '',
        out.time(call.createdAt),
        endOf(call),
      ]),
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb calls ls --cursor ${page.nextCursor}`);
  return 0;
}

export async function showCall(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const callId = callIn(invocation);
  if (flags.on('follow')) return await followCall(invocation, callId);
  return await withAsk(invocation, async (ask) => {
    const call = await ask<Call>('calls.get_call', { callId });
    const transcript = await ask<Transcript>('calls.get_transcript', { callId });
    const drawn = transcript.entries.length === 0 ? '' : `\n${drawTranscript(transcript, out)}`;
    await out.result(call, { text: () => `${drawCall(call, out)}${drawn}` });
    return 0;
  });
}

async function followCall(invocation: Invocation, callId: string): Promise<number> {
  const { out, signal } = invocation;
  return await withAsk(
    invocation,
    async (_ask, connected) => {
      for await (const call of watchCall(await connected(), callId, signal))
        await out.item(call, () => `${out.time(lastTime(call))}  ${call.state}  ${endOf(call)}`.trimEnd());
      return 0;
    },
    { lasting: true },
  );
}

export const hangUp = (invocation: Invocation): Promise<number> => changed(invocation, 'calls.end_call', {});

export function transfer(invocation: Invocation): Promise<number> {
  const [, to] = invocation.args;
  if (to === undefined) throw wrongUsage('expected a phone or a SIP address', { subject: invocation.path, next: ['polyb calls ls'] });
  const summary = invocation.flags.text('summary');
  return changed(invocation, 'calls.transfer_call', { to, ...(summary === undefined ? {} : { mode: 'attended', summary }) });
}

export async function listTrunks(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { trunks } = await askMethod<Trunks>(invocation, 'telephony.list_trunks', {});
  await out.result(
    { trunks },
    {
      table: () => ({
        columns: ['TRUNK', 'KIND', 'STATE', 'LEGS', 'MOST', 'DETAIL'],
        rows: trunks.map(({ trunk, kind, state, legs, maxLegs, detail }) => [
          trunk,
          kind,
          state,
          String(legs),
          maxLegs === null ? '' : String(maxLegs),
          detail ?? '',
        ]),
        right: ['LEGS', 'MOST'],
      }),
      items: trunks,
    },
  );
  if (trunks.length === 0) out.note('the gateway in use has no trunks');
  return trunks.every(({ state }) => state === 'ready') ? 0 : 9;
}

async function changed(invocation: Invocation, address: string, input: object): Promise<number> {
  const { out } = invocation;
  const call = await askMethod<Call>(invocation, address, { callId: callIn(invocation), ...input });
  await out.result(call, { text: () => drawCall(call, out) });
  return 0;
}
function callIn({ args, path }: Pick<Invocation, 'args' | 'path'>): string {
  const [callId] = args;
  if (callId === undefined) throw wrongUsage('expected the id of a call', { subject: path, next: ['polyb calls ls'] });
  return callId;
}
function drawCall(call: Call, out: Invocation['out']): string {
  const lines: readonly (readonly [string, string | null])[] = [
    ['call', `${call.callId} (${call.direction === 'in' ? 'inbound' : 'outbound'})`],
    ['phone', call.phoneNumber ?? 'withheld'],
    ['line', call.line],
    ['lead', call.leadId],
    ['state', call.state],
    ['started', out.time(call.createdAt)],
    ['ringing', call.ringingAt && out.time(call.ringingAt)],
    ['answered', call.answeredAt && out.time(call.answeredAt)],
    ['transferred', call.transferredTo],
    ['audio', call.provider === null ? null : `at ${call.provider}, which has taken the call over SIP; not recorded here`],
    ['ended', call.endedAt && `${out.time(call.endedAt)}  ${endOf(call)}`],
  ];
  return lines.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(12)}${value}\n`])).join('');
}
const lastTime = ({ createdAt, ringingAt, answeredAt, endedAt }: Call): string => endedAt ?? answeredAt ?? ringingAt ?? createdAt;
function endOf({ outcome, endedBy, hangUpCause, q850 }: Call): string {
  return [outcome, endedBy && `by ${endedBy}`, hangUpCause, q850 === null ? null : `Q.850 ${q850}`]
    .filter((part) => part !== null)
    .join(', ');
}
