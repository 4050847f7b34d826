/** `polyb dialogs tail`: turns as they are completed. */
import { decode } from '../../../bus/wire/codec.ts';
import { msgpackType, readHead } from '../../../bus/wire/headers.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { type Dialog, drawTurn } from './draw-turn.ts';

interface Completed {
  readonly turnId: string;
  readonly sessionId: string;
}
/** Turns that may complete in one conversation before the first of them is read. */
const lookBack = 20;

export async function tailDialogs(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [wanted] = args;
  const most = flags.whole('count');
  const forMs = flags.ms('for');
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal, ...(forMs === undefined ? [] : [AbortSignal.timeout(forMs)])]);
  await withAsk(
    invocation,
    async (ask, connected) => {
      const { transport, prefix, bus } = await connected();
      let shown = 0;
      const show = async ({ turnId, sessionId }: Completed): Promise<void> => {
        const { session, turns, proposals } = await ask<Dialog>('dialog.get_session', { sessionId, turns: lookBack });
        const turn = turns.find((each) => each.turnId === turnId);
        if (turn === undefined || until.aborted || (wanted !== undefined && ![session.sessionId, sessionId].includes(wanted))) return;
        await out.item(
          { sessionId: session.sessionId, ...turn },
          () => `${out.paint('bold', session.sessionId)}  ${drawTurn(turn, proposals, out)}\n`,
        );
        shown += 1;
        if (shown === most) done.abort();
      };
      // One after the other, so that turns are shown in the order of their completion.
      let last: Promise<void> = Promise.resolve();
      const subscription = transport.subscribe(
        `${prefix}.evt.dialog.turn_completed`,
        ({ data, headers }) => {
          const completed = decode(readHead(headers).contentType === msgpackType ? 'msgpack' : 'json', data) as Completed;
          last = last.then(() => show(completed)).catch((error: unknown) => done.abort(error));
        },
        { onError: (error) => done.abort(error) },
      );
      const off = bus.onConnection((isUp) =>
        out.note(isUp ? 'the bus is back' : 'the bus connection dropped; turns are not shown until it is back', isUp ? 'ok' : 'warn'),
      );
      try {
        await transport.flush();
        out.note(`turns of ${wanted ?? 'all conversations'} appear here (Ctrl-C to stop)`, 'ok');
        await new Promise<void>((end) => (until.aborted ? end() : until.addEventListener('abort', () => end(), { once: true })));
      } finally {
        off();
        subscription.unsubscribe();
      }
    },
    { lasting: true },
  );
  if (Error.isError(done.signal.reason) && done.signal.reason.name !== 'AbortError') throw done.signal.reason;
  return 0;
}
