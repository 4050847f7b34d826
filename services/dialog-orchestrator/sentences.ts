/** Whole sentences of a text that arrives in pieces. */
const ends = /[.!?…]+["»)]*(?=\s)|\n+/u;
/** A sentence of fewer characters waits for the next one: abbreviations, and numbers before a dot. */
const shortest = 12;

export interface Sentences {
  /** The sentences that this piece ends. */
  add(piece: string): readonly string[];
  /** What is left at the end. */
  rest(): string;
}
export function sentences(): Sentences {
  let held = '';
  return {
    add(piece) {
      held += piece;
      const done: string[] = [];
      for (let from = 0; ; ) {
        const found = ends.exec(held.slice(from));
        if (found === null) return done;
        const end = from + found.index + found[0].length;
        if (end < shortest) {
          from = end;
          continue;
        }
        done.push(held.slice(0, end).trim());
        held = held.slice(end).trimStart();
        from = 0;
      }
    },
    rest() {
      const left = held.trim();
      held = '';
      return left;
    },
  };
}
