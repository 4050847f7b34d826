/** `polyb sip trace`. */
import type { OutputOf } from '../../../contracts/kit/define.ts';
import type { telephony } from '../../../contracts/telephony.ts';
import { drawLadder } from '../../../media/sip/ladder.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

type Page = OutputOf<typeof telephony.list_sip_messages>;
type Message = Page['items'][number];

export async function traceCall(invocation: Invocation): Promise<number> {
  const { args, flags, out, path } = invocation;
  const [callId] = args;
  if (callId === undefined) throw wrongUsage('expected the id of a call', { subject: path, next: ['polyb calls ls'] });
  const messages = await sipMessages(invocation, callId);
  if (messages.length === 0)
    throw refusal('not_found', `no SIP messages of call ${callId} are kept: its gateway speaks no SIP, or the call is older than 30 days`, {
      subject: path,
      next: [`polyb calls show ${callId}`, 'polyb calls trunks'],
    });
  await out.result({ callId, messages }, { items: messages, text: () => drawn(messages, flags.on('full')) });
  return 0;
}

async function sipMessages(invocation: Invocation, callId: string): Promise<readonly Message[]> {
  const all: Message[] = [];
  await withAsk(invocation, async (ask) => {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: Page = await ask('telephony.list_sip_messages', { callId, ...(cursor === undefined ? {} : { cursor }) });
      all.push(...page.items);
      cursor = page.nextCursor;
    }
  });
  // Several instances may have stored messages of the call, each in its own order.
  return all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function drawn(messages: readonly Message[], isFull: boolean): string {
  const ladder = drawLadder(messages.map(({ at, isSent, peer, label }) => ({ atMs: Date.parse(at), isSent, peer, label })));
  if (!isFull) return ladder;
  const texts = messages.map(({ at, isSent, peer, protocol, text }) => {
    const head = `${at}  ${isSent ? 'to' : 'from'} ${peer} by ${protocol}`;
    return `\n${head}\n${text.trimEnd().replace(/^/gm, '  ')}\n`;
  });
  return ladder + texts.join('');
}
