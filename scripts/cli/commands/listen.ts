/** `polyb listen`: events, or any subject, as they pass. Announcements only: what nobody heard is not repeated. */

import type { Arrived } from '../../../bus/transports/transport.ts';
import { decode } from '../../../bus/wire/codec.ts';
import { msgpackType, readHead } from '../../../bus/wire/headers.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { wrongUsage } from '../kernel/failure.ts';

/** Exit status: of what was posted, some was not taken. */
const partlyFailed = 10;

interface Heard {
  readonly at: string;
  readonly subject: string;
  readonly payload: unknown;
}

export async function listen(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [what] = args;
  if (what === undefined)
    throw wrongUsage('expected an event or a subject, e.g. crm.lead_created', { subject: 'listen', next: ['polyb listen --help'] });
  const most = flags.whole('count');
  const forMs = flags.ms('for');
  const url = flags.text('forward-to');
  await using forward =
    url === undefined ? undefined : (await import('./forward.ts')).forwardTo(url, flags.text('secret'), { out, signal });
  await using connected = await connect(invocation, { lasting: true });
  const { transport, prefix } = connected;
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal, ...(forMs === undefined ? [] : [AbortSignal.timeout(forMs)])]);
  const subject = subjectOf(what, prefix);
  let heard = 0;
  const subscription = transport.subscribe(
    subject,
    (message) => {
      if (until.aborted) return;
      heard += 1;
      const item: Heard = { at: new Date().toISOString(), subject: message.subject, payload: payloadOf(message) };
      void out.item(item, () => `${item.at.slice(11, 23)} ${out.paint('cyan', item.subject)} ${JSON.stringify(item.payload)}`);
      forward?.post({ type: message.subject.replace(`${prefix}.evt.`, ''), at: item.at, data: item.payload });
      if (heard === most) done.abort();
    },
    { onError: (error) => done.abort(error) },
  );
  await transport.flush();
  out.note(`listening to ${subject} (Ctrl-C to stop)`, 'ok');
  await new Promise<void>((end) => (until.aborted ? end() : until.addEventListener('abort', () => end(), { once: true })));
  subscription.unsubscribe();
  const failed = (await forward?.drained()) ?? 0;
  if (Error.isError(done.signal.reason) && done.signal.reason.name !== 'AbortError') throw done.signal.reason;
  return failed > 0 ? partlyFailed : 0;
}

/** `crm.lead_created` and `crm.*` are events; what begins as a subject does is one. */
function subjectOf(what: string, prefix: string): string {
  const isSubject =
    what.startsWith(`${prefix}.`) || what.startsWith('$') || what.startsWith('_INBOX') || what === '>' || what.split('.').length > 2;
  return isSubject ? what : `${prefix}.evt.${what === '*' ? '>' : what}`;
}

function payloadOf({ data, headers }: Arrived): unknown {
  if (data.length === 0) return null;
  try {
    return decode(readHead(headers).contentType === msgpackType ? 'msgpack' : 'json', data);
  } catch {
    return Buffer.from(data).toString('utf8'); // a subject of others may carry anything
  }
}
