/** The session that a turn continues or begins, and who its customer is. */
import type { Context } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type Mode, noMemory, type Session } from './rows/sessions.ts';
import { cut } from './said.ts';
import type { DialogSettings } from './settings.ts';
import { moved } from './states.ts';
import { type Chat, type DialogParts, gone, type Said } from './turn-parts.ts';

/** The session as it continues, or begins anew after a long silence. */
export function renewed(
  stored: Session | null,
  of: {
    readonly sessionId: string;
    readonly said: Said | null;
    readonly chat: Chat | null;
    readonly startedAt: Date;
    readonly settings: DialogSettings;
  },
): Session {
  const { sessionId, said, chat, startedAt, settings } = of;
  const isOver =
    stored !== null && (stored.endedAt !== null || startedAt.getTime() - stored.activeAt.getTime() > settings.DIALOG_SESSION_MS);
  const isSpoken = said?.isSpoken ?? false;
  if (stored !== null && !isOver) return { ...stored, isSpoken };
  const fresh = {
    ...{
      state: moved(stored?.state ?? 'GREETING', 'idled') ?? ('GREETING' as const),
      memory: { ...noMemory, clientId: stored?.memory.clientId ?? null, named: stored?.memory.named ?? 0 },
    },
    ...{ turns: 0, tokens: 0, handedOverAt: null, startedAt, activeAt: startedAt, endedAt: null, isSpoken },
  };
  if (stored !== null) return { ...stored, ...fresh };
  return {
    ...{
      sessionId,
      externalId: said?.externalId ?? sessionId,
      chatId: chat === null ? null : chat.chat.chatId,
      channel: chat?.chat.channel ?? null,
    },
    ...{
      customerId: null,
      mode: null,
      language: said?.language ?? settings.DIALOG_LANGUAGE,
      name: said?.name ?? null,
      phone: null,
      phoneProof: 'none' as const,
    },
    ...fresh,
  };
}

/** With the phone that the channel proves, and the client of the booking system that has it. */
export async function identified(
  session: Session,
  chat: Chat | null,
  { settings }: Pick<DialogParts, 'settings'>,
  { call }: Pick<Context, 'call'>,
): Promise<Session> {
  // The chat is back with the agent.
  let known = chat?.chat.owner === 'bot' ? { ...session, handedOverAt: null } : session;
  if (chat !== null && known.phoneProof !== 'proved' && known.customerId !== null) {
    const client = await call(inbox.get_client, { customerId: known.customerId }).catch(gone);
    if (client?.phoneNumber != null)
      known = {
        ...known,
        phone: client.isPhoneProved ? client.phoneNumber : (known.phone ?? client.phoneNumber),
        phoneProof: client.isPhoneProved ? 'proved' : 'claimed',
      };
    if (known.name === null && client !== null && client.name.trim() !== '') known = { ...known, name: cut(client.name, 100) };
  }
  if (known.phoneProof !== 'proved' || known.phone === null || known.memory.clientId !== null) return known;
  const found = await call(booking.find_client, { connection: settings.DIALOG_CONNECTION, phoneNumber: known.phone }).catch(() => null);
  const [client, other] = found?.clients ?? [];
  if (client === undefined || other !== undefined || found?.isAmbiguous) return known;
  return { ...known, name: client.name ?? known.name, memory: { ...known.memory, clientId: client.clientId } };
}

/** The mode that a person set, else that of the settings; a caller outside of chats gets its replies at once. */
export const modeOf = ({ mode, chatId }: Session, { DIALOG_MODE }: DialogSettings): Mode =>
  mode ?? (chatId === null ? 'auto' : DIALOG_MODE);
/** How a reply to a chat is sent: whatever is not `auto` needs an approval. */
export const replyModeOf = (session: Session, settings: DialogSettings): 'auto' | 'draft' =>
  modeOf(session, settings) === 'auto' ? 'auto' : 'draft';

/** A longer conversation goes to staff. */
export const isOverBudget = ({ turns, tokens }: Session, { DIALOG_MAX_TURNS, DIALOG_MAX_TOKENS }: DialogSettings): boolean =>
  turns >= DIALOG_MAX_TURNS || tokens >= DIALOG_MAX_TOKENS;

export function isSilentIn(session: Session, chat: Chat | null, settings: DialogSettings): boolean {
  if (modeOf(session, settings) === 'off') return true;
  return chat === null ? session.handedOverAt !== null : chat.chat.owner !== 'bot' || chat.chat.kind !== 'private';
}
