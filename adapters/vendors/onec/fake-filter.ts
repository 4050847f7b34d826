/** `$filter` of the fake 1C: the operators and functions of the manual, with its literals. */
import { Refusal } from '../../fake-server.ts';

/** An error of 1C with a code. */
export function odataRefusal(status: number, code: string, message: string): Refusal {
  return new Refusal({ status, body: { 'odata.error': { code, message: { lang: 'ru', value: message } } } });
}

export type FieldType = 'string' | 'key' | 'composite' | 'date' | 'number' | 'bool';
export interface FilterRow {
  type(attribute: string): FieldType | undefined;
  value(attribute: string): unknown;
}
type Operand = { readonly type: FieldType; readonly value: unknown };
type Expression = (row: FilterRow) => Operand;

const token =
  /\s*(guid'[0-9a-fA-F-]{36}'|datetime'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'|'(?:[^']|'')*'|-?\d+(?:\.\d+)?|[\p{L}_][\p{L}\p{N}_/]*|[(),])/uy;
const unparsable = (at: string) => odataRefusal(400, '14', `Ошибка разбора опции запроса $filter: ${at}`);

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const at = token.lastIndex;
    const [, found] = token.exec(text) ?? [];
    if (found === undefined) throw unparsable(text.slice(at, at + 20));
    tokens.push(found);
  }
  return tokens;
}

/** @throws Refusal code 14 for what cannot be parsed, 10 for an unknown attribute, 21 for a function that 1C does not have. */
export function filterOf(text: string): (row: FilterRow) => boolean {
  const tokens = [...tokensOf(text)];
  const next = () => tokens.shift() ?? '';
  const expect = (wanted: string) => {
    const found = next();
    if (found !== wanted) throw unparsable(`"${found}" instead of "${wanted}"`);
  };
  function chain(operator: 'and' | 'or', inner: () => Expression): Expression {
    const parts = [inner()];
    while (tokens[0] === operator) {
      next();
      parts.push(inner());
    }
    if (parts.length === 1) return parts[0] as Expression;
    return (row) => bool(parts[operator === 'or' ? 'some' : 'every']((part) => truth(part(row))));
  }
  const any = (): Expression => chain('or', () => chain('and', unary));
  function unary(): Expression {
    if (tokens[0] !== 'not') return comparison();
    next();
    const inner = unary();
    return (row) => bool(!truth(inner(row)));
  }
  function comparison(): Expression {
    const left = operand();
    const operator = tokens[0] ?? '';
    const compare = comparisons[operator];
    if (compare === undefined) return left;
    next();
    const right = operand();
    return (row) => {
      const [a, b] = [left(row), right(row)];
      // A bare key never equals a reference of a composite type.
      if (a.type === 'composite' && b.type === 'key') return bool(operator === 'ne');
      if (a.type !== b.type) throw unparsable(`${a.type} ${operator} ${b.type}`);
      return bool(compare(sortable(a), sortable(b)));
    };
  }
  function operand(): Expression {
    const first = next();
    if (first === '(') {
      const inner = any();
      expect(')');
      return inner;
    }
    const known = literalOf(first);
    if (known !== undefined) return () => known;
    if (tokens[0] === '(') return call(first);
    if (!/^[\p{L}_]/u.test(first)) throw unparsable(first);
    return (row) => {
      const type = row.type(first);
      if (type === undefined) throw odataRefusal(400, '10', `Свойство ${first} не найдено`);
      return { type, value: row.value(first) };
    };
  }
  function call(name: string): Expression {
    next();
    const given: Expression[] = [];
    while (tokens[0] !== ')') {
      if (given.length > 0) expect(',');
      given.push(any());
    }
    next();
    const [first, second] = given;
    const work = functions[name];
    if (work === undefined) throw odataRefusal(501, '21', `Функция ${name} не реализована`);
    if (first === undefined || second === undefined || given.length > 2)
      throw odataRefusal(400, '12', `Аргумент функции ${name} не указан`);
    return (row) => work(first(row), second(row));
  }
  const whole = any();
  if (tokens.length > 0) throw unparsable(tokens.join(' '));
  return (row) => truth(whole(row));
}

const bool = (value: boolean): Operand => ({ type: 'bool', value });
const truth = ({ type, value }: Operand): boolean => {
  if (type !== 'bool') throw unparsable(`${type} is not a condition`);
  return value === true;
};
const sortable = ({ value }: Operand): string | number =>
  typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : String(value ?? '').toLowerCase();
const comparisons: Readonly<Record<string, (a: string | number, b: string | number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
};
const lower = ({ value }: Operand) => String(value ?? '').toLowerCase();
const functions: Readonly<Record<string, (first: Operand, second: Operand) => Operand>> = {
  substringof: (needle, field) => bool(lower(field).includes(lower(needle))),
  startswith: (field, start) => bool(lower(field).startsWith(lower(start))),
  endswith: (field, end) => bool(lower(field).endsWith(lower(end))),
  like(field, pattern) {
    const parts = lower(pattern)
      .split('%')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('_', '.'));
    return bool(new RegExp(`^${parts.join('.*')}$`, 's').test(lower(field)));
  },
  cast: (key, type) => ({ type: 'composite', value: `${lower(key)} StandardODATA.${type.value}`.toLowerCase() }),
};
function literalOf(text: string): Operand | undefined {
  if (text.startsWith("guid'")) return { type: 'key', value: text.slice(5, -1) };
  if (text.startsWith("datetime'")) return { type: 'date', value: text.slice(9, -1) };
  if (text.startsWith("'")) return { type: 'string', value: text.slice(1, -1).replaceAll("''", "'") };
  if (text === 'true' || text === 'false') return bool(text === 'true');
  return /^-?\d/.test(text) ? { type: 'number', value: Number(text) } : undefined;
}
