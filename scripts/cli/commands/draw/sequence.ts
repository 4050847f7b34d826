/** Sequence diagrams as text and as Mermaid, from one list of messages. */
import { cut, padEnd, padStart, widthOf } from '../../kernel/text.ts';

export interface Participant {
  readonly name: string;
  /** Not one of our services. */
  readonly external?: boolean;
}
export interface Message {
  /** What stands at the left, ms since the start. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** An answer. */
  readonly back?: boolean;
}
export interface Sequence {
  readonly participants: readonly Participant[];
  readonly messages: readonly Message[];
}

const left = 8;
const narrowest = 16;
const widest = 20;

/** Cells that the narrowest readable drawing takes. */
export function sequenceWidth({ participants }: Sequence): number {
  return left + participants.length * narrowest;
}

export function drawSequence(
  { participants, messages }: Sequence,
  { width, ascii }: { readonly width: number; readonly ascii: boolean },
): string {
  const gap = Math.max(narrowest, Math.min(widest, Math.floor((width - left) / Math.max(1, participants.length))));
  const ink = ascii
    ? { life: '|', line: '-', back: '.', right: '>', left: '<', cut: '~' }
    : { life: '│', line: '─', back: '╌', right: '▶', left: '◀', cut: '…' };
  const places = new Map(participants.map(({ name }, index) => [name, left + Math.floor(gap / 2) + index * gap]));
  const total = left + participants.length * gap;
  const shown = ({ name, external }: Participant) => `${name}${external ? '*' : ''}`;
  const head = ' '.repeat(left) + participants.map((one) => centered(cut(shown(one), gap - 2, ink.cut), gap)).join('');
  const lines = messages.map(({ at, from, to, text, back }) => {
    const row = Array.from({ length: total }, () => ' ');
    for (const place of places.values()) row[place] = ink.life;
    const [a = 0, b = 0] = [places.get(from), places.get(to)];
    if (a === b)
      return `${padStart(cut(at, left - 2), left - 2)}  ${row.join('').slice(left, a + 1)} ${cut(text, Math.max(8, total - a - 3), ink.cut)}`;
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    for (let x = low + 1; x < high; x += 1) row[x] = back ? ink.back : ink.line;
    row[b > a ? high - 1 : low + 1] = b > a ? ink.right : ink.left;
    const room = high - low - 6; // two cells at each end stay for the line and its head
    const label = ` ${cut(text, Math.max(1, room), ink.cut)} `;
    const from0 = low + 1 + Math.floor((high - low - 1 - widthOf(label)) / 2);
    return `${padStart(cut(at, left - 2), left - 2)}  ${overlay(row, label, from0).slice(left)}`;
  });
  const note = participants.some(({ external }) => external) ? ['  * outside'] : [];
  return [head.trimEnd(), ...lines.map((line) => line.trimEnd()), ...note].join('\n');
}

/** `row` with `label` over it; the label may hold letters two cells wide. */
function overlay(row: readonly string[], label: string, from: number): string {
  return row.slice(0, from).join('') + label + row.slice(from + widthOf(label)).join('');
}
function centered(text: string, width: number): string {
  const before = Math.floor((width - widthOf(text)) / 2);
  return padEnd(' '.repeat(Math.max(0, before)) + text, width);
}

export function toMermaid({ participants, messages }: Sequence): string {
  const ids = new Map(participants.map(({ name }, index) => [name, `p${index}`]));
  const plain = (text: string) => text.replace(/[;#\n]/g, ' ');
  return [
    'sequenceDiagram',
    ...participants.map(({ name, external }) => `  participant ${ids.get(name)} as ${plain(name)}${external ? ' *' : ''}`),
    ...messages.map(({ at, from, to, text, back }) => {
      const label = plain(at === '' ? text : `${text} (${at} ms)`);
      return from === to ? `  Note over ${ids.get(from)}: ${label}` : `  ${ids.get(from)}${back ? '-->>' : '->>'}${ids.get(to)}: ${label}`;
    }),
  ].join('\n');
}
