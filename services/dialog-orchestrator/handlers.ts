/** The conversation for callers and for people. */
import type { z } from 'zod';
import type { Context, Database, HandlersOf } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { narrowedTo, type Viewer as ViewerSchema } from '../../contracts/common.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import type { Company } from './company.ts';
import { handOverText } from './facts.ts';
import { sessionIdOf } from './ids.ts';
import { intents } from './intents.ts';
import { latestProposals, shownProposal } from './rows/proposals.ts';
import { endSession, findSession, listSessions, putSession, type Session, setMode } from './rows/sessions.ts';
import { latestTurns, toolsOf } from './rows/turns.ts';
import { modeOf, renewed, replyModeOf } from './session-of.ts';
import type { DialogSettings } from './settings.ts';
import { moves } from './states.ts';
import { toolSpecs } from './tools/catalogue.ts';
import { gone } from './turn-parts.ts';

type Viewer = z.output<typeof ViewerSchema>;
type Shown = OutputOf<typeof dialog.get_session>['session'];
type Public = Omit<HandlersOf<typeof dialog>, 'take_turn' | 'next_answer' | 'dialog_stream' | 'list_tools' | 'run_tools'>;

export function dialogHandlers(parts: {
  readonly db: Database;
  readonly settings: DialogSettings;
  readonly company: (call: Context['call']) => Promise<Company>;
  readonly now: () => number;
}): Public {
  const { db, settings, now } = parts;
  const shown = (of: Session): Shown => ({
    ...{ sessionId: of.externalId, chatId: of.chatId, channel: of.channel, state: of.state },
    ...{ mode: modeOf(of, settings), language: of.language, name: of.name },
    ...{ phoneNumber: of.phone, phoneProof: of.phoneProof, turns: of.turns, tokens: of.tokens, isHandedOver: of.handedOverAt !== null },
    ...{ startedAt: of.startedAt.toISOString(), activeAt: of.activeAt.toISOString(), endedAt: of.endedAt?.toISOString() ?? null },
  });
  /** A chat by its id, else the conversation of a caller. */
  const known = async (externalId: string, viewer: Viewer): Promise<Session | null> =>
    (await findSession(db, externalId, narrowedTo(viewer))) ?? (await findSession(db, sessionIdOf(externalId), narrowedTo(viewer)));
  const found = async (externalId: string, viewer: Viewer): Promise<Session> => {
    const session = await known(externalId, viewer);
    if (session !== null) return session;
    throw new PolybError('not_found', `There is no conversation ${externalId}; polyb dialogs ls lists them.`, { reason: 'no_session' });
  };
  /** The session of a chat whose first turn has not ended. */
  const begun = async (chatId: string, viewer: Viewer, call: Context['call']): Promise<Session> => {
    const chat = await call(inbox.chat_context, { chatId, limit: 1, ...(viewer === undefined ? {} : { viewer }) }).catch(gone);
    if (chat === null) return found(chatId, viewer);
    return renewed(null, { sessionId: chat.chat.chatId, said: null, chat, startedAt: new Date(now()), settings });
  };
  return {
    dialog: async ({ sessionId, message = null, choice = null, name = null, phoneNumber = null, language = null }, { call, key }) => {
      const said = { externalId: sessionId, text: message, choice, name, phoneNumber, language, isSpoken: false };
      return call(dialog.take_turn, { sessionId: sessionIdOf(sessionId), said }, { key: derivedKey(key, 'turn') });
    },
    get_session: async ({ sessionId, turns: limit, viewer }) => {
      const session = await found(sessionId, viewer);
      const turns = await latestTurns(db, session.sessionId, limit);
      const tools = await toolsOf(
        db,
        turns.map(({ turnId }) => turnId),
      );
      return {
        session: shown(session),
        turns: turns.map(({ sessionId: _, startedAt, said, steps, findings, ...turn }) => ({
          ...turn,
          ...{ said: [...said], steps: [...steps], findings: [...findings], startedAt: startedAt.toISOString() },
          tools: (tools.get(turn.turnId) ?? []).map((each) => ({ ...each })),
        })),
        proposals: (await latestProposals(db, session.sessionId, 50)).map(shownProposal),
      };
    },
    list_sessions: async ({ state = null, viewer, limit, cursor }) => {
      const before = cursor === undefined ? null : placeIn(cursor);
      const rows = await listSessions(db, { state, limit, before, seenBy: narrowedTo(viewer) });
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows.map(shown),
        nextCursor: last === undefined ? null : cursorAt(last),
      };
    },
    end_session: async ({ sessionId, viewer }) => {
      const session = await found(sessionId, viewer);
      const ended = await endSession(db, session.sessionId, new Date(now()));
      return shown(ended ?? session);
    },
    list_intents: async () => ({
      intents: intents.map(({ name, description }) => ({ name, description })),
      states: (Object.keys(moves) as (keyof typeof moves)[]).map((state) => ({ state, tools: toolSpecs(state).map(({ name }) => name) })),
    }),
    set_mode: async ({ sessionId, mode, viewer }) => {
      const session = await found(sessionId, viewer);
      return shown((await setMode(db, session.sessionId, mode)) ?? session);
    },
    hand_over: async ({ sessionId, reason, summary, viewer }, { call, commit, key }) => {
      const session = (await known(sessionId, viewer)) ?? (await begun(sessionId, viewer, call));
      if (session.chatId !== null) {
        const text = handOverText(await parts.company(call), now(), session);
        const mode = replyModeOf(session, settings);
        // Before staff has the chat: afterwards the message would need their approval.
        await call(messages.send_reply, { chatId: session.chatId, text, mode, isReceipt: true }, { key: derivedKey(key, 'told') });
        await call(inbox.set_chat_owner, { chatId: session.chatId, owner: 'human', forMs: settings.DIALOG_HANDOVER_MS });
      }
      return commit(async (tx) => {
        const current = (await findSession(tx, session.sessionId)) ?? session;
        const handed = { ...current, handedOverAt: new Date(now()) };
        await putSession(tx, handed);
        tx.emit(dialog.handed_over, {
          sessionId: session.sessionId,
          chatId: session.chatId,
          reason,
          summary,
          at: new Date(now()).toISOString(),
        });
        return shown(handed);
      });
    },
  };
}

const cursorAt = ({ activeAt, sessionId }: Session): string => Buffer.from(`${activeAt.toISOString()} ${sessionId}`).toString('base64url');
/** @throws PolybError invalid_argument/bad_cursor for a cursor that no page gave. */
function placeIn(cursor: string): { readonly at: string; readonly id: string } {
  const [, at, id] = /^(\S{24}) (\w{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at)) || new Date(at).toISOString() !== at)
    throw new PolybError('invalid_argument', 'The cursor is none of list_sessions.', { reason: 'bad_cursor' });
  return { at, id };
}
