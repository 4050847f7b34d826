import type { Words } from '../kit/words.ts';

/** Words of a call, on every page that shows one. */
export const callWords = {
  state_queued: ['в очереди', 'queued'],
  state_ringing: ['вызывается', 'ringing'],
  state_early: ['идёт соединение', 'connecting'],
  state_answered: ['идёт разговор', 'in a conversation'],
  state_held: ['на удержании', 'on hold'],
  state_transferring: ['переводится', 'being transferred'],
  state_ended: ['закончен', 'ended'],
  outcome_answered: ['ответили', 'answered'],
  outcome_busy: ['занято', 'busy'],
  outcome_no_answer: ['не ответили', 'no answer'],
  outcome_rejected: ['сбросили', 'rejected'],
  outcome_cancelled: ['отменён до ответа', 'cancelled before the answer'],
  outcome_failed: ['не удался', 'failed'],
  outcome_unknown: ['исход неизвестен', 'outcome unknown'],
  withheld: ['номер скрыт', 'number withheld'],
  inbound: ['входящий', 'inbound'],
  talked: ['разговор {time}', 'talked for {time}'],
  waits: ['ждёт {time}', 'waiting for {time}'],
} as const satisfies Words;
