/** Text for a terminal: what may be shown, how wide it is, tables and times. */

/** What a terminal obeys instead of showing: control characters, and those that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** On one line, without what a name in a CRM could rewrite the screen with. */
export function clean(text: string): string {
  return text.replace(unseen, '').replace(/[\n\t]/g, ' ');
}
/** The same written out as JSON escapes it, for those who have to see what is there. */
export function visible(text: string): string {
  return text.replace(unseen, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `+7999***3322` for each phone in the text but the examples of contracts. */
export function maskPhones(text: string): string {
  return text.replace(
    /(?<![\w.+-])(?<!e\.g\. )(\+[1-9]\d{9,14}|[78]\d{10})(?!\w)/g,
    (phone) => `${phone.slice(0, 5)}***${phone.slice(-4)}`,
  );
}

/** Cells of a terminal that the text takes. */
export function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room
  const bare = text.replace(/\u001b\[[0-9;]*m/g, '');
  let width = 0;
  for (const letter of bare)
    width += /\p{M}|\p{Cf}/u.test(letter)
      ? 0
      : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(letter)
        ? 2
        : 1;
  return width;
}
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}
/** At most `width` cells, the last one a mark when something was cut. */
export function cut(text: string, width: number, mark = '…'): string {
  if (widthOf(text) <= width) return text;
  let taken = '';
  for (const letter of text) {
    if (widthOf(taken + letter) > width - 1) break;
    taken += letter;
  }
  return `${taken}${mark}`;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns, by name, whose cells stand to the right. */
  readonly right?: readonly string[];
}
/** Cells that a column keeps however narrow the terminal is, unless its head is wider. */
const leastCells = 8;

/** Takes from the widest columns until all fit into `width`, or none can give more. */
function fitted(widths: readonly number[], heads: readonly number[], width: number): readonly number[] {
  const fits = [...widths];
  const least = heads.map((head) => Math.max(head, leastCells));
  let over = fits.reduce((sum, each) => sum + each, 2 * (fits.length - 1)) - width;
  while (over > 0) {
    const canGive = fits.map((each, index) => (each > (least[index] ?? 0) ? each : 0));
    const most = Math.max(0, ...canGive);
    if (most === 0) break;
    const widest = canGive.indexOf(most);
    const next = Math.max(least[widest] ?? 0, most - over, ...canGive.filter((each) => each < most));
    fits[widest] = Math.max(least[widest] ?? 0, Math.min(next, most - 1));
    over -= most - (fits[widest] ?? 0);
  }
  return fits;
}

/** Columns apart by two spaces. Where the terminal is too narrow the widest columns shrink; only then the line is cut. */
export function drawTable({ columns, rows, right = [] }: Table, width = Number.POSITIVE_INFINITY): string {
  const cells = rows.map((row) => columns.map((_, index) => clean(row[index] ?? '')));
  const heads = columns.map(widthOf);
  const wanted = heads.map((head, index) => cells.reduce((most, row) => Math.max(most, widthOf(row[index] ?? '')), head));
  const widths = fitted(wanted, heads, width);
  const line = (row: readonly string[]) => {
    const drawn = row
      .map((cell, index) => (right.includes(columns[index] ?? '') ? padStart : padEnd)(cut(cell, widths[index] ?? 0), widths[index] ?? 0))
      .join('  ');
    return Number.isFinite(width) ? cut(drawn.trimEnd(), width) : drawn.trimEnd();
  };
  return [columns, ...cells].map(line).join('\n');
}

/** `231 ms`, `2.4 s`. */
export function spanMs(ms: number): string {
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
