/** Spans as a tree with bars over time. */
import { cut, padEnd, padStart, spanMs } from '../../kernel/text.ts';

export interface TreeNode {
  readonly label: string;
  readonly status: string;
  /** ms since the start of the whole. */
  readonly from: number;
  readonly ms: number;
  readonly children: readonly TreeNode[];
}

const bar = 28;

export function drawTree(
  roots: readonly TreeNode[],
  { width, ascii, totalMs }: { readonly width: number; readonly ascii: boolean; readonly totalMs: number },
): string {
  const ink = ascii
    ? { tee: '|- ', last: '`- ', down: '|  ', block: '#', end: '|' }
    : { tee: '├─ ', last: '└─ ', down: '│  ', block: '█', end: '▏' };
  const lines: { readonly text: string; readonly node: TreeNode }[] = [];
  const walk = (nodes: readonly TreeNode[], indent: string, isTop: boolean): void => {
    for (const [index, node] of nodes.entries()) {
      const isLast = index === nodes.length - 1;
      lines.push({ text: `${indent}${isTop ? '' : isLast ? ink.last : ink.tee}${node.label}`, node });
      walk(node.children, `${indent}${isTop ? '' : isLast ? '   ' : ink.down}`, false);
    }
  };
  walk(roots, '', true);
  const statusWidth = Math.max(...lines.map(({ node }) => node.status.length));
  const labelWidth = Math.min(Math.max(...lines.map(({ text }) => text.length)), Math.max(20, width - statusWidth - bar - 14));
  return lines
    .map(({ text, node }) => {
      const scale = totalMs > 0 ? bar / totalMs : 0;
      const start = Math.min(bar - 1, Math.max(0, Math.floor(node.from * scale)));
      const length = Math.max(1, Math.min(bar - start, Math.round(node.ms * scale)));
      const drawn = `${' '.repeat(start)}${ink.block.repeat(length)}`.padEnd(bar);
      return `${padEnd(cut(text, labelWidth, ascii ? '~' : '…'), labelWidth)}  ${padEnd(node.status, statusWidth)}  ${padStart(spanMs(node.ms), 8)}  ${drawn}${ink.end}`;
    })
    .join('\n');
}
