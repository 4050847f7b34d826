import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { dropAnalysesBefore } from './rows.ts';

export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, ({ before }, tx) => dropAnalysesBefore(tx, new Date(before)));
}
