/** Phones that a caller dictates over several turns: the turns between ask for the rest, and the model reads the whole number. */
import type { Database } from '../../bus/service.ts';
import { dictated, digitsOf, phoneOf } from '../../media/russian/dictation.ts';
import { hearPhones } from '../../media/russian/hear.ts';
import { expectedBy } from './expected.ts';
import type { KeptDictation, Session } from './rows/sessions.ts';
import { latestTurns } from './rows/turns.ts';
import { cut } from './said.ts';
import type { DictationWords } from './words.ts';

export interface HeardDictation {
  readonly is: 'open' | 'whole' | 'excess';
  /** What the customer said, with the number as `+79991234567` if it is whole. */
  readonly text: string;
  /** Digits so far of a number that goes on. */
  readonly digits: string;
  readonly kept: KeptDictation;
  /** The latest turns that contain no more than parts of the number. */
  readonly partTurns: number;
}

/** What a caller's utterance adds to a phone; null if nothing. */
export async function hearDictation(session: Session, text: string, db: Database): Promise<HeardDictation | null> {
  const kept = session.memory.dictation;
  const isLast = kept !== undefined && kept.turns === session.turns;
  const from = kept !== undefined && (isLast || !kept.isWhole) ? kept : null;
  const groups = from?.groups ?? [];
  // Most utterances contain no digits.
  if (dictated(text, { groups, isExpected: true }) === null) return null;
  const isExpected = (isLast && !kept.isWhole) || (await asksForPhone(session, db));
  const heard = dictated(text, { groups, isExpected });
  if (heard === null) return null;
  const { is } = heard;
  const isCorrection = from?.isWhole === true;
  const before = cut([isCorrection ? '' : from?.before, heard.before].filter(Boolean).join(' '), 1_000);
  const partTurns = isLast && !isCorrection ? kept.partTurns : 0;
  return {
    is,
    text:
      is === 'whole'
        ? [before, isCorrection ? 'нет,' : '', phoneOf(heard.groups), hearPhones(heard.after)].filter(Boolean).join(' ')
        : text,
    digits: is === 'open' ? digitsOf(heard.groups) : '',
    kept: {
      groups: is === 'excess' ? [] : heard.groups,
      before,
      isWhole: is === 'whole',
      turns: session.turns + 1,
      partTurns: is === 'whole' ? 0 : partTurns + 1,
    },
    partTurns,
  };
}
async function asksForPhone({ sessionId }: Session, db: Database): Promise<boolean> {
  const [last] = await latestTurns(db, sessionId, 1);
  return expectedBy(last?.reply ?? null, { proposals: 0, choices: 0 }).includes('phone');
}

/** The reply to a part of a number; null to a whole one. */
export function replyToPart({ is, digits }: HeardDictation, { goOn, dictate, tooManyDigits }: DictationWords): string | null {
  if (is === 'whole') return null;
  return is === 'excess' ? tooManyDigits : digits === '' ? dictate : goOn;
}
