/** `polyb dialogs`. */
import type { Command, Flag } from '../../../scripts/cli/kernel/command.ts';

const states = ['GREETING', 'COLLECTING_INFO', 'CONSULTING', 'BOOKING', 'CONFIRMING', 'COMPLETED'];
const language: Flag = {
  name: 'language',
  value: 'LANG',
  values: ['ru', 'en'],
  summary: 'Language of the conversation. Default: DIALOG_LANGUAGE.',
};

export default [
  {
    name: 'dialogs',
    summary: 'Show conversations of the agent, hold one, and evaluate the agent.',
    impact: 'rw',
    commands: [
      {
        name: 'ls',
        summary: 'List conversations, most recently active first.',
        impact: 'ro',
        flags: [
          { name: 'state', value: 'STATE', values: states, summary: 'Only conversations in this state.' },
          { name: 'limit', value: 'N', summary: 'At most this many; default 50.' },
          { name: 'cursor', value: 'CURSOR', summary: 'Start of the next page.' },
        ],
        examples: [{ line: 'polyb dialogs ls' }, { line: 'polyb dialogs ls --state CONFIRMING' }],
        seeAlso: ['dialogs show', 'dialogs tail'],
        run: async () => (await import('./sessions.ts')).listDialogs,
      },
      {
        name: 'show',
        summary: 'Draw the turns of a conversation with their steps, tool calls, proposals and times.',
        usage: 'SESSION',
        impact: 'ro',
        flags: [{ name: 'turns', value: 'N', summary: 'The latest N turns; default 20.' }],
        details: [
          'SESSION is the id of a chat, or the id that a caller chose. Each turn shows what the customer said, each answer of the model with its time and tokens, each tool call with its policy and outcome, the reply with its author, and the proposals with their state.',
          'Authors: model; repair (its second answer); plain (our text, because the model claimed what nothing supports); ours (a proposal, a receipt, a hand-over). A sentence that was held back is shown with the kind of its claim.',
        ],
        examples: [{ line: 'polyb dialogs show visitor-17' }, { line: 'polyb dialogs show visitor-17 --turns 1 -o json' }],
        seeAlso: ['dialogs ls', 'runs show'],
        run: async () => (await import('./show.ts')).showDialog,
      },
      {
        name: 'tail',
        summary: 'Show turns as they are completed, until Ctrl-C.',
        usage: '[SESSION]',
        impact: 'ro',
        flags: [
          { name: 'count', value: 'N', summary: 'End after this many turns.' },
          { name: 'for', value: 'DUR', summary: 'End after this time.' },
        ],
        examples: [{ line: 'polyb dialogs tail' }, { line: 'polyb dialogs tail visitor-17 --count 1' }],
        seeAlso: ['dialogs show', 'tail'],
        run: async () => (await import('./tail.ts')).tailDialogs,
      },
      {
        name: 'mode',
        summary: 'Set whether the agent replies by itself, drafts replies for approval, or is silent.',
        usage: 'SESSION auto|draft|off',
        impact: 'rw',
        details: ['Conversations without a mode of their own have that of DIALOG_MODE.'],
        examples: [{ line: 'polyb dialogs mode chat_0mhd2k4a1x9f3k2m8q0z auto' }],
        seeAlso: ['approvals ls', 'config list'],
        run: async () => (await import('./sessions.ts')).setDialogMode,
      },
      {
        name: 'end',
        summary: 'End a conversation; the next message begins a new one.',
        usage: 'SESSION',
        impact: 'rw',
        examples: [{ line: 'polyb dialogs end visitor-17' }],
        seeAlso: ['dialogs ls'],
        run: async () => (await import('./sessions.ts')).endDialog,
      },
      {
        name: 'talk',
        summary: 'Talk to the agent in the terminal.',
        impact: 'rw',
        flags: [
          { name: 'session', value: 'ID', summary: 'Id of the conversation; an earlier one continues. Default: a new id.' },
          { name: 'name', value: 'NAME', summary: 'Name of the customer.' },
          { name: 'phone', value: 'PHONE', summary: 'Phone of the customer, as a caller states it: claimed, not proved.' },
          language,
        ],
        details: [
          'The options under a reply are numbered; type a number or a title to choose one, or anything else to say it. /quit ends.',
          'Each line of standard input is a message, so that a conversation can be piped in. What is confirmed here is booked in the calendar.',
        ],
        examples: [
          { line: 'polyb dialogs talk' },
          { line: "printf 'Здравствуйте!\\nСколько стоит стрижка?\\n' | polyb dialogs talk -o pretty" },
        ],
        seeAlso: ['dialogs show', 'dialogs eval'],
        run: async () => (await import('./talk.ts')).talk,
      },
      {
        name: 'eval',
        summary: 'Hold scripted conversations and compare the calendar with their expected effects; exit with 9 if one failed.',
        usage: 'FILE…',
        impact: 'rw',
        completes: 'file',
        flags: [
          { name: 'keep', summary: 'Leave the appointments of the conversations in the calendar. Default: cancel them.' },
          { name: 'claims', summary: 'Measure the check of claims on sentences that it was not made with; needs no running service.' },
        ],
        details: [
          'FILE is JSON: { "name": "books a haircut", "language": "ru", "phone": true, "steps": [{ "say": "Хочу на стрижку на следующей неделе", "expect": { "state": "BOOKING", "choices": 3 } }, { "choose": 1, "expect": { "proposal": "create" } }, { "choose": "Подтвердить" }], "effects": { "booked": 1 } }.',
          'FILE can also hold a list of such conversations. A step is "say" with a text, or "choose" with the number of an option or a pattern for its title; "of" names an earlier step whose option is meant. "expect" compares the answer: state, reply and not (patterns), proposal (create, move, cancel, none), choices (at least so many). {phone} in a text is a phone of the conversation’s own; "phone": true states it with the first message.',
          'Effects are booked, moved, cancelled (default 0) and handedOver (default false). They are counted in the calendar, before and after each step, and must equal the proposals that were carried out; the texts of the agent do not count.',
        ],
        examples: [
          { line: 'polyb dialogs eval examples/dialogs/*.json' },
          { line: 'polyb dialogs eval my-conversation.json -o json' },
          { line: 'polyb dialogs eval --claims' },
        ],
        seeAlso: ['dialogs talk', 'intents eval'],
        run: async () => (await import('./eval.ts')).evalDialogs,
      },
    ],
  },
] satisfies readonly Command[];
