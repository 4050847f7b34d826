import { PolybError } from '../contracts/kit/errors.ts';

export type CsvDelimiter = ',' | ';' | '\t';
export type CsvEncoding = 'utf-8' | 'windows-1251';

export type CsvRow = Readonly<Record<string, string | null>>;

/** Rows of a CSV file (RFC 4180: quotes, doubled quotes, line ends in quotes) as it is read, each by the names of the first row. An empty field is null. */
export async function* csvRows(text: AsyncIterable<string> | Iterable<string>, delimiter: CsvDelimiter = ','): AsyncGenerator<CsvRow> {
  for await (const { row } of csvLines(text, { delimiter })) yield row;
}

/**
 * The same with the line of the file in which each row begins and the number of its fields beyond those of the first row, in bounded memory.
 * @throws PolybError invalid_argument/bad_row for a row of more letters than `most`, such as one whose quote is not closed
 */
export async function* csvLines(
  text: AsyncIterable<string> | Iterable<string>,
  { delimiter = ',', most = Number.POSITIVE_INFINITY }: { readonly delimiter?: CsvDelimiter; readonly most?: number } = {},
): AsyncGenerator<{ readonly line: number; readonly row: CsvRow; readonly beyond: number }> {
  let names: readonly string[] | undefined;
  for await (const { line, fields } of records(text, delimiter, most)) {
    if (names === undefined) names = fields.map((name) => name.replace(/^\uFEFF/, '').trim());
    else if (fields.length > 1 || fields[0] !== '')
      yield {
        line,
        row: Object.fromEntries(names.map((name, nth) => [name, fields[nth] || null])),
        beyond: Math.max(0, fields.length - names.length),
      };
  }
}

/** The most frequent delimiter of the first line, outside quotes. */
export function delimiterOf(text: string): CsvDelimiter {
  const [head = ''] = text.replace(/"(?:[^"]|"")*"/g, '').split('\n', 1);
  const count = (delimiter: CsvDelimiter) => head.split(delimiter).length;
  return ([';', '\t'] as const).reduce<CsvDelimiter>((best, each) => (count(each) > count(best) ? each : best), ',');
}

/**
 * The text of a file: UTF-8 with or without a byte-order mark, or windows-1251, which Russian Excel writes. Without an encoding, a file
 * that is not UTF-8 is read as windows-1251.
 * @throws PolybError invalid_argument/bad_encoding
 */
export function csvText(bytes: Uint8Array, encoding?: CsvEncoding): string {
  const asUtf8 = utf8(bytes);
  if (bytes.includes(0)) throw badEncoding('it has zero bytes, as UTF-16 does');
  if (asUtf8 !== null && encoding !== 'windows-1251') return asUtf8;
  if (encoding === 'utf-8') throw badEncoding(`line ${lineOfFault(bytes)} is not UTF-8`);
  const special = bytes.filter((byte) => byte >= 0x80);
  if (asUtf8 !== null && special.length > 0) throw badEncoding('it is UTF-8, not windows-1251');
  // A DOS code page has its letters where windows-1251 has signs and rare letters.
  const strange = special.filter((byte) => byte < 0xc0 && !usualSigns.has(byte));
  if (bytes.some((byte) => byte === 0x98 || (byte < 0x20 && ![9, 10, 13].includes(byte))) || strange.length * 10 > special.length)
    throw badEncoding('it is neither UTF-8 nor windows-1251');
  return new TextDecoder('windows-1251').decode(bytes);
}
/** Ё, ё, quotes, dashes, dots, №, §, °, the euro and the no-break space of windows-1251. */
const usualSigns = new Set([
  0xa8, 0xb8, 0x82, 0x84, 0x85, 0x88, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99, 0xa0, 0xa7, 0xab, 0xb0, 0xb9, 0xbb,
]);
function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null; // The decoder throws for bytes that are not UTF-8.
  }
}
function lineOfFault(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  return lines.findIndex((line) => utf8(Buffer.from(line, 'latin1')) === null) + 1;
}
function badEncoding(why: string): PolybError {
  return new PolybError('invalid_argument', `The file cannot be read: ${why}. Save it as "CSV UTF-8", or as CSV in windows-1251.`, {
    reason: 'bad_encoding',
  });
}

async function* records(
  text: AsyncIterable<string> | Iterable<string>,
  delimiter: CsvDelimiter,
  most: number,
): AsyncGenerator<{ readonly line: number; readonly fields: readonly string[] }> {
  let fields: string[] = [];
  let field = '';
  /** Where the row begins, and where it is read. */
  let [begin, line] = [1, 1];
  let letters = 0;
  let isQuoted = false;
  // A quote in quotes ends them, unless another follows, which may come with the next part.
  let isAfterQuote = false;
  for await (const part of text)
    for (const letter of part) {
      letters += 1;
      if (letters > most)
        throw new PolybError('invalid_argument', `The row that begins in line ${begin} is too long; is a quote in it not closed?`, {
          reason: 'bad_row',
        });
      if (letter === '\n') line += 1;
      if (isQuoted && !isAfterQuote) {
        if (letter === '"') isAfterQuote = true;
        else field += letter;
        continue;
      }
      if (isAfterQuote) {
        isAfterQuote = false;
        if (letter === '"') {
          field += letter;
          continue;
        }
        isQuoted = false;
      }
      if (letter === '"' && field === '') isQuoted = true;
      else if (letter === delimiter || letter === '\n') {
        fields.push(letter === '\n' ? field.replace(/\r$/, '') : field);
        field = '';
        if (letter === '\n') {
          yield { line: begin, fields };
          fields = [];
          [begin, letters] = [line, 0];
        }
      } else field += letter;
    }
  if (field !== '' || fields.length > 0) yield { line: begin, fields: [...fields, field] };
}
