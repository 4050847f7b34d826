import { newId } from '../../bus/durable/identity.ts';

let lastAt = 0;
/** The id of a message, or of another act of a person: they sort by the order of storing, also those of one millisecond. */
export function nextActId(): string {
  lastAt = Math.max(lastAt + 1, Date.now());
  return newId('msg', lastAt);
}
