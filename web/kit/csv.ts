/** A list as a file for spreadsheets: UTF-8 with a byte order mark, separated by semicolons. */

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
export const byteOrderMark = '\ufeff';

/** A spreadsheet would run a cell that begins with one of these as a formula. */
const formula = /^[=+\-@\t\r]/;
export function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(';')}\r\n`;
}
function csvCell(text: string): string {
  const harmless = formula.test(text) ? `'${text}` : text;
  return /[;"\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Reads page after page; a page that must wait for the rate limit is read again. Each part goes to the browser's storage, not to the memory of the page. */
export async function exportCsv<T>(options: {
  readonly head: readonly string[];
  readonly row: (item: T) => readonly string[];
  readonly load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;
  readonly progress: (rows: number) => void;
  readonly signal: AbortSignal;
}): Promise<Blob> {
  const { head, row, load, progress, signal } = options;
  const parts: Blob[] = [new Blob([byteOrderMark, csvRow(head)])];
  let rows = 0;
  for (let cursor: string | undefined; ; ) {
    signal.throwIfAborted();
    const page = await load(cursor, signal);
    parts.push(new Blob(page.items.map((item) => csvRow(row(item)))));
    rows += page.items.length;
    progress(rows);
    if (page.nextCursor === null) return new Blob(parts, { type: 'text/csv;charset=utf-8' });
    cursor = page.nextCursor;
  }
}

/** Offers a file to the browser's downloads. */
export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the address after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
