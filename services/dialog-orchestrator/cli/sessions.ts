/** `polyb dialogs ls`, `mode` and `end`. */
import { DialogMode, type dialog } from '../../../contracts/dialog.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

type Page = OutputOf<typeof dialog.list_sessions>;
type Session = Page['items'][number];

export async function listDialogs(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const [state, limit, cursor] = [flags.text('state'), flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<Page>(invocation, 'dialog.list_sessions', {
    ...(state !== undefined && { state }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['SESSION', 'CHANNEL', 'STATE', 'MODE', 'LANG', 'TURNS', 'TOKENS', 'ACTIVE', 'NOTE'],
      rows: page.items.map((of) => [
        of.sessionId,
        of.channel ?? '',
        of.state,
        of.mode,
        of.language,
        String(of.turns),
        String(of.tokens),
        out.time(of.activeAt),
        of.endedAt !== null ? 'ended' : of.isHandedOver ? 'handed over' : '',
      ]),
      right: ['TURNS', 'TOKENS'],
    }),
    items: page.items,
  });
  if (page.items.length === 0) out.note('none yet: polyb dialogs talk begins one');
  if (page.nextCursor !== null) out.note(`next page: polyb dialogs ls --cursor ${page.nextCursor}`);
  return 0;
}

export async function setDialogMode(invocation: Invocation): Promise<number> {
  const [, given] = invocation.args;
  const mode = DialogMode.safeParse(given);
  if (!mode.success)
    throw wrongUsage(`expected a mode: ${DialogMode.options.join(', ')}${given === undefined ? '' : `; got "${given}"`}`, {
      subject: 'dialogs mode',
      next: ['polyb dialogs mode --help'],
    });
  return changed(invocation, 'dialog.set_mode', { mode: mode.data }, ({ sessionId }) => `${sessionId}  ${modes[mode.data]}`);
}
const modes: Readonly<Record<Session['mode'], string>> = {
  auto: 'the agent replies by itself',
  draft: 'replies wait for approval: polyb approvals ls',
  off: 'the agent is silent',
};

export const endDialog = (invocation: Invocation): Promise<number> =>
  changed(invocation, 'dialog.end_session', {}, ({ sessionId }) => `${sessionId}  ended; the next message begins a new conversation`);

async function changed(invocation: Invocation, address: string, input: object, line: (session: Session) => string): Promise<number> {
  const session = await askMethod<Session>(invocation, address, { sessionId: sessionIn(invocation), ...input });
  await invocation.out.result(session, { text: () => line(session) });
  return 0;
}

/** The conversation that a command names. */
export function sessionIn({ args, path }: Pick<Invocation, 'args' | 'path'>): string {
  const [session] = args;
  if (session === undefined) throw wrongUsage('expected the id of a conversation', { subject: path, next: ['polyb dialogs ls'] });
  return session;
}
