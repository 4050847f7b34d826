import type { Words } from '../kit/words.ts';

/** Words of a call, on every page that shows one. */
export const callWords = {
  state_queued: ['в очереди', 'queued'],
  state_ringing: ['вызывается', 'ringing'],
  state_answered: ['идёт разговор', 'in a conversation'],
  state_ended: ['закончен', 'ended'],
  outcome_answered: ['ответили', 'answered'],
  outcome_busy: ['занято', 'busy'],
  outcome_no_answer: ['не ответили', 'no answer'],
  outcome_rejected: ['сбросили', 'rejected'],
  outcome_failed: ['не удался', 'failed'],
  outcome_unknown: ['исход неизвестен', 'outcome unknown'],
  talked: ['разговор {time}', 'talked for {time}'],
  waits: ['ждёт {time}', 'waiting for {time}'],
} as const satisfies Words;
