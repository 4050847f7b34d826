/** Rows of a CSV file (RFC 4180: quotes, doubled quotes, line ends in quotes) as it is read, each by the names of the first row. An empty field is null. */
export async function* csvRows(text: AsyncIterable<string>): AsyncGenerator<Readonly<Record<string, string | null>>> {
  let names: readonly string[] | undefined;
  for await (const fields of records(text)) {
    if (names === undefined) names = fields.map((name) => name.replace(/^\uFEFF/, '').trim());
    else if (fields.length > 1 || fields[0] !== '') yield Object.fromEntries(names.map((name, nth) => [name, fields[nth] || null]));
  }
}

async function* records(text: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let fields: string[] = [];
  let field = '';
  let isQuoted = false;
  // A quote in quotes ends them, unless another follows, which may come with the next part.
  let isAfterQuote = false;
  for await (const part of text)
    for (const letter of part) {
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
      else if (letter === ',' || letter === '\n') {
        fields.push(letter === '\n' ? field.replace(/\r$/, '') : field);
        field = '';
        if (letter === '\n') {
          yield fields;
          fields = [];
        }
      } else field += letter;
    }
  if (field !== '' || fields.length > 0) yield [...fields, field];
}
