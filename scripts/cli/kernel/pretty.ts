/** Values for people: JSON in colours, tables, or what the command drew itself. */
import type { styleText } from 'node:util';
import { drawTable, type Table, visible } from './text.ts';

export type Format = 'pretty' | 'table' | 'json' | 'jsonl' | 'yaml' | 'raw' | 'none';
export type Style = Parameters<typeof styleText>[0];
/** How a result looks to a person; machines always get the value itself. */
export interface View {
  readonly table?: () => Table;
  /** Whole lines, drawn by the command itself. */
  readonly text?: () => string;
  /** Items of a list inside the value, for jsonl. */
  readonly items?: readonly unknown[];
}
/** Styles text where colours are on. */
export type Paint = (style: Style, text: string) => string;

export function draw(
  value: unknown,
  format: Format,
  view: View,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): string {
  if (format === 'table') {
    const table = view.table?.() ?? tableOf(view.items ?? value);
    return colorHead(drawTable(table, width), paint);
  }
  if (view.text !== undefined) return view.text();
  return view.table === undefined ? inColors(value, paint, '') : colorHead(drawTable(view.table(), width), paint);
}

function colorHead(table: string, paint: Paint): string {
  const [head = '', ...rows] = table.split('\n');
  return [paint('bold', head), ...rows].join('\n');
}

/** Any value as a table: a list of objects by their fields, an object as the paths of its fields and their values. */
function tableOf(value: unknown): Table {
  const cell = (part: unknown) => (typeof part === 'string' ? part : (JSON.stringify(part) ?? ''));
  const isObject = (part: unknown): part is Record<string, unknown> => typeof part === 'object' && part !== null && !Array.isArray(part);
  if (Array.isArray(value) && value.every(isObject)) {
    const fields = [...new Set(value.flatMap((row) => Object.keys(row)))];
    return { columns: fields.map((field) => field.toUpperCase()), rows: value.map((row) => fields.map((field) => cell(row[field]))) };
  }
  const leaves = (path: string, part: unknown): string[][] =>
    typeof part === 'object' && part !== null && Object.keys(part).length > 0
      ? Object.entries(part).flatMap(([field, inner]) => leaves(path === '' ? field : `${path}.${field}`, inner))
      : [[path, cell(part)]];
  if (isObject(value)) return { columns: ['FIELD', 'VALUE'], rows: leaves('', value) };
  return { columns: ['VALUE'], rows: (Array.isArray(value) ? value : [value]).map((part) => [cell(part)]) };
}

function inColors(value: unknown, paint: Paint, indent: string): string {
  if (typeof value === 'string') return paint('green', visible(JSON.stringify(value)));
  if (typeof value !== 'object' || value === null) return paint(value === null ? 'gray' : 'yellow', JSON.stringify(value) ?? 'null');
  const isList = Array.isArray(value);
  const parts = Object.entries(value).map(
    ([name, part]) =>
      `${indent}  ${isList ? '' : `${paint('cyan', visible(JSON.stringify(name)))}: `}${inColors(part, paint, `${indent}  `)}`,
  );
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}
