import type { Notices } from '../../adapters/channel/port.ts';
import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { Context, Handler, HandlersOf, Log } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { approvals } from '../../contracts/approvals.ts';
import { type journal, ReviewAnswer } from '../../contracts/journal.ts';
import type { OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { seenOf } from './notice-of.ts';
import { presserOf } from './show-approval.ts';

type ButtonPress = ParsedOf<typeof approvals.press_button>;
type Outcome = OutputOf<typeof approvals.press_button>['outcome'];
interface Parts {
  readonly desk: Pick<JournalAdmin, 'find'>;
  readonly decide: Pick<HandlersOf<typeof journal>, 'approve' | 'reject' | 'resolve'>;
  readonly notices: Pick<Notices, 'answer'>;
  readonly log: Log;
}

const said: Readonly<Record<Outcome, string>> = {
  approved: 'Одобрено',
  counted: 'Ваше согласие записано, нужно ещё одно',
  rejected: 'Отклонено',
  not_allowed: 'Решать могут только сотрудники, и только в чате для согласований',
  not_found: 'Этого больше нет',
  edited: 'Текст с тех пор изменили: прочитайте снова',
  decided: 'Уже решено',
  stale: 'Устарело: это уже не уйдёт',
  held: 'Сейчас это смотрит другой сотрудник',
  same_person: 'Вы уже согласились, нужен второй человек',
  too_late: 'Время вышло',
  waits_behind: 'Одобрено. Уйдёт после ответа, дошло ли прежнее сообщение этого чата',
  happened: 'Записано: дошло. Другие сообщения этого чата пойдут дальше',
  try_again: 'Отправится снова. Другие сообщения этого чата пойдут после него',
  give_up: 'Не отправится. Другие сообщения этого чата пойдут дальше',
  answered: 'На это уже ответили, ничего не изменилось',
};
const isDone = (outcome: Outcome): boolean => ['approved', 'counted', 'rejected', ...ReviewAnswer.options].includes(outcome);

/** A press counts if it comes from staff, in a configured chat, for the current version. The journal decides, as for every decision. */
export function pressButton({ desk, decide, notices, log }: Parts): Handler<typeof approvals.press_button> {
  return async (press, context) => {
    const outcome = await outcomeOf(press, context);
    const { chat, rowId, pressed, userId, queryId } = press;
    const text = outcome === 'not_allowed' ? `${said[outcome]}. Ваш номер: ${userId}` : said[outcome];
    await notices.answer(queryId, { text, isAlert: !isDone(outcome) }, context.signal).catch((error: unknown) => {
      // The decision is made, and the message is redrawn.
      log.warn({ err: error, row: rowId, outcome }, 'the person who pressed a button could not be shown the outcome');
    });
    return context.commit(async (tx) => {
      if (chat !== null) tx.send(approvals.show_approval, { chat, rowId, pressed }, { key: derivedKey(context.key, 'redraw') });
      return { outcome };
    });
  };

  async function outcomeOf({ chat, isStaff, userId, rowId, seen, choice }: ButtonPress, context: Context): Promise<Outcome> {
    if (chat === null || !isStaff) return 'not_allowed';
    const [row] = await desk.find(rowId);
    if (row?.id !== rowId || (row.approval !== 'staff' && row.approval !== 'both')) return 'not_found';
    const by = { id: rowId, onBehalfOf: presserOf(userId) };
    const isOfWording = choice === 'approve' || choice === 'reject';
    if (seenOf(row, choice) !== seen) return !isOfWording ? 'answered' : row.state === 'proposed' ? 'edited' : 'decided';
    try {
      if (!isOfWording) {
        await decide.resolve({ ...by, answer: choice, attempts: row.attempts, why: 'кнопкой в Telegram' }, context);
        return choice;
      }
      if (choice === 'reject') {
        await decide.reject({ ...by, why: 'кнопкой в Telegram' }, context);
        return 'rejected';
      }
      const { state, waitsFor } = await decide.approve({ ...by, hash: row.hash }, context);
      return state === 'proposed' ? 'counted' : waitsFor === null ? 'approved' : 'waits_behind';
    } catch (thrown) {
      const outcome = refusals[isPolybError(thrown) ? (thrown.reason ?? '') : ''];
      if (outcome === undefined) throw thrown;
      if (!isOfWording) return (await wasOurs(rowId, `resolved: ${choice}`, userId)) ? choice : 'answered';
      return outcome === 'decided' && (await wasOurs(rowId, choice, userId)) ? (choice === 'reject' ? 'rejected' : 'approved') : outcome;
    }
  }
  /** This press was processed before its process stopped. */
  async function wasOurs(rowId: string, action: string, userId: string): Promise<boolean> {
    const [row] = await desk.find(rowId);
    const last = (row?.audit as readonly { who: string; did: string }[] | undefined)?.at(-1);
    return last?.who.endsWith(`:${presserOf(userId)}`) === true && last.did.startsWith(action);
  }
}

/** The obstacle, by the journal's reasons. */
const refusals: Readonly<Record<string, Outcome>> = {
  decided: 'decided',
  stale: 'stale',
  hash_mismatch: 'edited',
  held: 'held',
  same_person: 'same_person',
  wrong_state: 'too_late',
};
