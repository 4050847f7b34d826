import type { Words } from '../kit/words.ts';

/** Words of a lead, on every page that shows one. */
export const leadWords = {
  status_new: ['новый', 'new'],
  status_in_process: ['в работе', 'in process'],
  status_converted: ['успешен', 'converted'],
  status_dead: ['закрыт без успеха', 'dead'],
  statusUnknown: ['другое', 'other'],
} as const satisfies Words;
