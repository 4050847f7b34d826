import { rules } from '../../../services/dialog-orchestrator/rules.ts';
import { statesDiagram } from '../../../services/dialog-orchestrator/states.ts';
import { isListedIn, tools } from '../../../services/dialog-orchestrator/tools/catalogue.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

const decidedBy = { auto: 'nobody', customer: 'the customer', staff: 'a member of staff' } as const;

/** The states of a conversation, and the tools of the agent with their policies. */
export function agentPage(): Page {
  return markdown('docs/reference/agent.md', 'The agent', [
    'A conversation has one of six states. What happened in a turn moves it; a move that the table does not contain is refused and logged.',
    fenced('mermaid', statesDiagram()),
    '## Tools',
    `The model sees the tools of the state, by these names or by the names of the methods that they lead to. A change runs only after the decision of its policy. A turn has at most ${rules.limits.steps} answers of the model, ${rules.limits.toolCalls} tool calls and ${rules.limits.writes} changes.`,
    table(
      ['tool', 'method', 'decided by', 'changes something', 'states'],
      tools.map((tool) => [
        code(tool.name),
        tool.of === null ? '' : code(tool.of.address),
        decidedBy[tool.policy],
        tool.isWrite ? 'yes' : 'no',
        tool.states === 'all' ? 'all' : tool.states.filter((state) => isListedIn(tool, state)).join(', '),
      ]),
    ),
  ]);
}
