import { newId } from '../../bus/durable/identity.ts';

let lastAt = 0;
/** Ids of messages and of other acts sort by the order of storing, also within one millisecond. */
export function nextActId(): string {
  lastAt = Math.max(lastAt + 1, Date.now());
  return newId('msg', lastAt);
}
