/** Pictures of a conversation for a terminal. */
import type { dialog } from '../../../contracts/dialog.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import type { Output, Style } from '../../../scripts/cli/kernel/output.ts';
import { clean, cut, padEnd, padStart, spanMs, visible, widthOf } from '../../../scripts/cli/kernel/text.ts';

export type Dialog = OutputOf<typeof dialog.get_session>;
export type Turn = Dialog['turns'][number];
export type Proposal = Dialog['proposals'][number];
type Session = Dialog['session'];
export type Canvas = Pick<Output, 'paint' | 'ascii' | 'width' | 'time'>;

const inks = {
  unicode: { says: '▸', replies: '◂', proposes: '◇', held: '✗', tool: '↳', to: '→', line: '─' },
  ascii: { says: '>', replies: '<', proposes: '*', held: 'x', tool: '-', to: '->', line: '-' },
};
export const inkOf = ({ ascii }: Pick<Canvas, 'ascii'>) => (ascii ? inks.ascii : inks.unicode);
const indent = 4;
/** Where a line of a text ends on a wide terminal, and without one. */
const longestLine = 110;

/** The whole conversation: its session, its turns with their proposals. */
export function drawDialog({ session, turns, proposals }: Dialog, canvas: Canvas): string {
  const left = session.turns - turns.length;
  return [
    drawSession(session, canvas),
    ...(left > 0 && turns.length > 0
      ? [canvas.paint('dim', `${left} earlier ${left === 1 ? 'turn' : 'turns'}: --turns ${session.turns}`)]
      : []),
    ...turns.map((turn) => drawTurn(turn, proposals, canvas)),
  ].join('\n\n');
}

export function drawSession(of: Session, { paint, time, ascii }: Canvas): string {
  const { to } = inkOf({ ascii });
  const note = of.endedAt !== null ? paint('dim', 'ended') : of.isHandedOver ? paint('yellow', `handed over ${to} staff`) : '';
  const who = of.phoneNumber === null ? (of.name ?? '') : `${of.name ?? ''} ${of.phoneNumber} (${of.phoneProof})`.trim();
  const head = [paint('bold', of.sessionId), of.channel ?? '', paint('cyan', of.state), of.mode, of.language, note]
    .filter(Boolean)
    .join('  ');
  const facts = [clean(who), `${of.turns} ${of.turns === 1 ? 'turn' : 'turns'}`, `${of.tokens} tokens`, `active ${time(of.activeAt)}`];
  return `${head}\n${paint('dim', facts.filter(Boolean).join('  '))}`;
}

export function drawTurn(turn: Turn, proposals: readonly Proposal[], canvas: Canvas): string {
  const { paint } = canvas;
  const ink = inkOf(canvas);
  const moved = turn.before === turn.state ? turn.state : `${turn.before} ${ink.to} ${turn.state}`;
  const head = [paint('dim', turn.startedAt.slice(11, 19)), paint('cyan', moved), turn.intent ?? '', paint('dim', spanMs(turn.ms))];
  return [
    head.filter(Boolean).join('  '),
    ...turn.said.map((text) => bubble(paint('bold', ink.says), text, canvas)),
    ...steps(turn, canvas),
    ...turn.findings.map(({ kind, sentence }) => bubble(paint('red', ink.held), `held back (${kind}): ${sentence}`, canvas, 'red')),
    ...(turn.reply === null
      ? [`  ${paint('dim', `${ink.replies} no reply`)}`]
      : [bubble(paint('green', ink.replies), turn.reply, canvas, undefined, paint('dim', `[${turn.replyBy}] `))]),
    ...proposals.filter(({ turnId }) => turnId === turn.turnId).map((of) => `  ${proposalLine(of, canvas)}`),
  ].join('\n');
}

export function proposalLine({ what, state, rowId, expiresAt }: Proposal, canvas: Canvas): string {
  const { paint, time } = canvas;
  const until = state === 'open' ? paint('dim', `expires ${time(expiresAt)}`) : '';
  return [paint('magenta', inkOf(canvas).proposes), what, paint(proposalStyles[state], state), paint('dim', rowId), until]
    .filter(Boolean)
    .join(' ');
}
const proposalStyles: Readonly<Record<Proposal['state'], Style>> = {
  open: 'yellow',
  confirmed: 'green',
  done: 'green',
  declined: 'dim',
  outdated: 'dim',
  expired: 'dim',
  failed: 'red',
  unknown: 'yellow',
};

type Step = Turn['steps'][number];
type ToolCall = Turn['tools'][number];
const refusals: readonly ToolCall['outcome'][] = ['not_allowed', 'unknown_tool', 'bad_arguments', 'not_known', 'budget'];
const styleOf = ({ outcome }: ToolCall): Style =>
  outcome === 'failed' ? 'red' : outcome === 'dropped' ? 'dim' : outcome === 'unknown' || refusals.includes(outcome) ? 'yellow' : 'green';

/** Answers of the model, each with its tool calls below. Columns are aligned over the turn. */
function steps({ steps: all, tools }: Turn, canvas: Canvas): readonly string[] {
  const { paint } = canvas;
  const ink = inkOf(canvas);
  const column = (values: readonly string[]) => Math.max(0, ...values.map(widthOf));
  const widths = {
    model: column(all.map(({ model }) => model)),
    name: column(tools.map(({ name }) => name)),
    policy: column(tools.map(policyOf)),
    outcome: column(tools.map(({ outcome }) => outcome)),
  };
  const first = Math.max(widths.model, widths.name + 2);
  const answer = ({ step, model, ms, inputTokens, outputTokens, isDropped, text }: Step) =>
    [
      `    ${paint('dim', String(step))} ${padEnd(clean(model), first)}  ${padStart(spanMs(ms), 8)}  ${paint('dim', `${inputTokens}+${outputTokens} tokens`)}`,
      ...(isDropped ? [`  ${paint('yellow', 'dropped: the customer wrote meanwhile')} ${paint('dim', cut(clean(text), 60))}`] : []),
    ].join('');
  const call = (of: ToolCall) => {
    const line = `      ${paint('dim', ink.tool)} ${padEnd(clean(of.name), first - 2)}  ${padStart(spanMs(of.ms), 8)}  ${padEnd(policyOf(of), widths.policy)}  ${paint(styleOf(of), padEnd(of.outcome, widths.outcome))}`;
    const room = Math.min(canvas.width, longestLine) - widthOf(line) - 2;
    const given = argumentsOf(of);
    return given === '' || room < 12 ? line : `${line}  ${paint('dim', cut(given, room, canvas.ascii ? '~' : '…'))}`;
  };
  const lines = all.map((step) => [answer(step), ...tools.filter((each) => each.step === step.step).map(call)]);
  return lines.flat();
}
const policyOf = ({ policy }: ToolCall): string => policy ?? '-';

/** `services=haircut day="на следующей неделе"` */
function argumentsOf({ arguments: given }: ToolCall): string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given === null ? '' : visible(JSON.stringify(given));
  const value = (part: unknown): string => {
    if (Array.isArray(part)) return part.map(value).join(',');
    return typeof part === 'string' && /^[\p{L}\p{N}_.:+-]+$/u.test(part) ? part : JSON.stringify(part);
  };
  return visible(
    Object.entries(given)
      .map(([name, part]) => `${name}=${value(part)}`)
      .join(' '),
  );
}

/** A text beside a mark: its lines are wrapped, and aligned below the first one. */
export function bubble(mark: string, text: string, canvas: Canvas, style?: Style, label = ''): string {
  const room = Math.max(20, Math.min(canvas.width, longestLine) - indent);
  const styled = (line: string) => (style === undefined ? line : canvas.paint(style, line));
  const [first = '', ...more] = text.split('\n').flatMap((line, at) => wrapped(clean(line), at === 0 ? room - widthOf(label) : room));
  return [`  ${mark} ${label}${styled(first)}`, ...more.map((line) => `${' '.repeat(indent)}${styled(line)}`)].join('\n');
}

/** A line broken between words into lines of at most `width` cells. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
