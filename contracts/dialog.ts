/**
 * The agent: conversations in which a model proposes and the rules of this contract decide.
 *
 * Glossary: a *session* is one conversation, of a chat or of a caller; a *turn* answers everything that the customer said since the last one;
 * a *proposal* is a change that runs only after the customer confirms it; a *receipt* is our message about what was done.
 */
import { z } from 'zod';
import { Id, Json, Key, Line, PageInput, PersonName, PersonText, Phone, pageOf, Timestamp, Viewer } from './common.ts';
import { contract, event, method, stream } from './kit/define.ts';

export const DialogState = z.enum(['GREETING', 'COLLECTING_INFO', 'CONSULTING', 'BOOKING', 'CONFIRMING', 'COMPLETED']);
/** `auto`: replies go out. `draft`: a person approves each reply. `off`: the agent is silent. */
export const DialogMode = z.enum(['auto', 'draft', 'off']);
export const DialogLanguage = z.enum(['ru', 'en']);
/** `claimed`: somebody stated the number. `proved`: the channel, or the customer's own contact, shows that it is theirs. */
export const PhoneProof = z.enum(['none', 'claimed', 'proved']);
export const ProposalKind = z.enum(['create', 'move', 'cancel']);
export const ProposalState = z.enum(['open', 'confirmed', 'declined', 'outdated', 'expired', 'done', 'failed', 'unknown']);
/** What the customer was asked for. `number`: any other digits, such as those of an order. `consent`: a yes or a no. */
export const Expected = z.enum(['phone', 'name', 'address', 'email', 'number', 'time', 'choice', 'consent']);
/** Who decides on a tool's call: nobody, the customer, or staff. */
export const ToolPolicy = z.enum(['auto', 'customer', 'staff']);
export const ToolOutcome = z.enum([
  'done',
  'kept',
  'proposed',
  'sent_to_staff',
  'failed',
  'unknown',
  'not_allowed',
  'unknown_tool',
  'bad_arguments',
  'not_known',
  'budget',
  'dropped',
]);

const count = z.int().min(0);
const SessionId = Id.describe('The id of the conversation, as chosen by the caller; of a chat, its chat id.');
const Said = z.string().min(1).max(4096).meta({ pii: 'text' });
const Token = z.string().min(1).max(64);
const Choice = z.object({ id: Token, title: z.string().max(64).meta({ pii: 'text' }) });
const Choices = z.array(Choice).max(100);
export const Proposal = z.object({
  proposalId: Id,
  turnId: Id.describe('The turn that made it.'),
  what: ProposalKind,
  text: PersonText.describe('What the customer is asked to confirm.'),
  state: ProposalState,
  rowId: Id.describe('The journal row that runs after the confirmation.'),
  expiresAt: Timestamp,
});
const ToolCallShown = z.object({
  step: z.int().min(1).max(20),
  n: z.int().min(1).max(20),
  name: z.string().max(64),
  policy: ToolPolicy.nullable().describe('Null for an unknown tool.'),
  arguments: Json,
  hash: z.string().max(64),
  outcome: ToolOutcome,
  result: Json,
  ms: count,
});
const Turn = z.object({
  turnId: Id,
  startedAt: Timestamp,
  said: z.array(PersonText).max(100),
  reply: PersonText.nullable(),
  replyBy: z
    .enum(['model', 'repair', 'plain', 'ours', 'none'])
    .describe(
      'Whose text the reply is: the model’s, its second try, a plain one because the model claimed something unsupported, ours, or none.',
    ),
  before: DialogState,
  state: DialogState,
  intent: z.string().max(40).nullable(),
  model: z.string().max(200).nullable(),
  promptHash: z.string().max(64).nullable(),
  steps: z
    .array(
      z.object({
        step: z.int().min(1).max(20),
        model: z.string().max(200),
        text: PersonText,
        isDropped: z.boolean().describe('The customer wrote meanwhile, so the answer was not used.'),
        ms: count,
        inputTokens: count,
        outputTokens: count,
      }),
    )
    .max(20),
  tools: z.array(ToolCallShown).max(100),
  findings: z
    .array(z.object({ kind: z.string().max(40), sentence: PersonText }))
    .max(50)
    .describe('Claims of the model that nothing supports.'),
  ms: count,
});
const Session = z.object({
  sessionId: SessionId,
  chatId: Id.nullable(),
  channel: z.string().max(32).nullable(),
  state: DialogState,
  mode: DialogMode,
  language: DialogLanguage,
  name: z.string().max(300).nullable().meta({ pii: 'name' }),
  phoneNumber: z.string().max(20).nullable().meta({ pii: 'phone' }),
  phoneProof: PhoneProof,
  turns: count,
  tokens: count,
  isHandedOver: z.boolean(),
  startedAt: Timestamp,
  activeAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
const ToolCall = z.strictObject({
  id: z.string().min(1).max(200),
  name: z.string().min(1).max(200),
  arguments: z.string().max(16_384).meta({ pii: 'text' }).describe('JSON, as the model wrote it.'),
});
const IsStaffAway = z
  .boolean()
  .default(false)
  .describe('Whether it was handed over outside the opening hours: staff calls back, and nobody is called now.');
const Answer = z.object({
  sessionId: SessionId,
  turnId: Id.nullable().describe('Null if the agent is silent in this conversation.'),
  reply: PersonText.nullable(),
  state: DialogState,
  intent: z.string().max(40).nullable(),
  proposals: z.array(Proposal).max(10).describe('Changes that wait for the customer.'),
  choices: Choices.describe('Options under the reply. Pass the id of one as `choice`.'),
  expects: z.array(Expected).max(8).default([]).describe('What the reply asks for, as far as it is known. Empty: anything.'),
  dictated: z
    .string()
    .max(16)
    .default('')
    .meta({ pii: 'phone' })
    .describe('Digits so far of a phone whose rest the customer is about to say.'),
  isHandedOver: z.boolean(),
  isStaffAway: IsStaffAway,
});
const who = { roles: ['operator', 'gateway'] as const };
const speaking = { roles: ['operator', 'call-orchestrator'] as const };
const byStaff = { viewer: 'viewer', people: ['manager', 'director', 'admin'] } as const;
const own = { roles: ['dialog-orchestrator'] as const };
const errors = { no_session: 'not_found' } as const;

export const dialog = contract('dialog', '1.4.0', {
  dialog: method({
    summary: 'Say something to the agent and get its reply.',
    input: z
      .strictObject({
        sessionId: SessionId,
        message: Said.optional(),
        choice: Token.optional().describe('The id of an option of an earlier reply, instead of a message.'),
        name: PersonName.optional(),
        phoneNumber: Phone.optional().describe('The customer’s number as stated by the caller: claimed, not proved.'),
        language: DialogLanguage.optional(),
      })
      .refine(({ message, choice }) => (message === undefined) !== (choice === undefined), 'either message or choice'),
    output: Answer,
    idempotency: 'keyed',
    timeoutMs: 60_000,
    // People write in the chats of their customers.
    http: { route: 'POST /api/v1/dialog', people: ['admin'] },
    errors: { ended: 'failed_precondition' },
    examples: [{ sessionId: 'visitor-17', message: 'Здравствуйте! Хочу записаться на стрижку' }],
  }),
  dialog_stream: stream({
    summary: 'The same, with the reply sentence by sentence, for a voice.',
    input: z.strictObject({
      sessionId: SessionId,
      message: Said,
      name: PersonName.optional(),
      phoneNumber: Phone.optional(),
      isEager: z
        .boolean()
        .default(false)
        .describe(
          'The customer may go on: the model is asked already, but the turn begins with `confirm`. Until then nothing is stored, no tool runs and nothing is said.',
        ),
    }),
    up: z.discriminatedUnion('is', [
      z.strictObject({ is: z.literal('confirm') }).describe('The customer has said no more.'),
      z.strictObject({ is: z.literal('heard'), sentences: count.describe('How many sentences the customer has heard.') }),
      z.strictObject({ is: z.literal('cancel') }),
    ]),
    down: z.discriminatedUnion('is', [
      z.object({ is: z.literal('sentence'), text: PersonText }),
      z.object({ is: z.literal('tool'), name: z.string().max(64) }),
      z.object({ is: z.literal('proposal'), proposal: Proposal }),
      z.object({ is: z.literal('done'), answer: Answer }),
    ]),
    timeoutMs: 60_000,
    http: { route: 'POST /api/v1/dialog/stream', reply: 'events', scope: 'send', people: ['admin'] },
  }),
  list_tools: method({
    summary:
      'Instructions and tools of the agent in the present state of a conversation, for a model that speaks with the customer itself.',
    input: z.strictObject({ sessionId: SessionId, name: PersonName.optional(), phoneNumber: Phone.optional() }),
    output: z.object({
      state: DialogState,
      language: DialogLanguage,
      instructions: z.string().max(65_536).meta({ pii: 'text' }),
      tools: z
        .array(z.object({ name: z.string().max(64), description: z.string().max(2_000), parameters: Json.describe('JSON Schema.') }))
        .max(50),
    }),
    idempotency: 'read',
    ...speaking,
  }),
  run_tools: method({
    summary: 'Run the tool calls of a model that speaks with the customer itself, under their policies, and decide on the open proposal.',
    input: z.strictObject({
      sessionId: SessionId,
      said: Said.nullable().describe(
        'What the customer said last, as a recogniser wrote it. Agreement to a proposal is read from it alone.',
      ),
      toolCalls: z.array(ToolCall).max(10),
      model: z.string().min(1).max(200),
      name: PersonName.optional(),
      phoneNumber: Phone.optional().describe('The customer’s number as stated by the caller: claimed, not proved.'),
    }),
    output: z.object({
      turnId: Id.nullable().describe('Null if nothing was said and called, or the agent is silent in this conversation.'),
      results: z.array(z.object({ id: z.string().max(200), outcome: ToolOutcome, result: Json })).max(10),
      say: PersonText.nullable().describe('What the customer must hear, in these words: a proposal, a receipt, that a person takes over.'),
      state: DialogState,
      proposals: z.array(Proposal).max(10).describe('Changes that wait for the customer.'),
      isHandedOver: z.boolean(),
      isStaffAway: IsStaffAway,
    }),
    idempotency: 'keyed',
    timeoutMs: 60_000,
    ...speaking,
  }),
  get_session: method({
    summary: 'A conversation with its latest turns, oldest first.',
    input: z.strictObject({ sessionId: SessionId, turns: z.int().min(0).max(100).default(20), viewer: Viewer }),
    output: z.object({ session: Session, turns: z.array(Turn).max(100), proposals: z.array(Proposal).max(50) }),
    idempotency: 'read',
    errors,
    http: { route: 'GET /api/v1/dialogs/{sessionId}', viewer: 'viewer' },
  }),
  list_sessions: method({
    summary: 'Conversations, most recently active first.',
    input: z.strictObject({ state: DialogState.optional(), viewer: Viewer, ...PageInput }),
    output: pageOf(Session),
    idempotency: 'read',
    http: { route: 'GET /api/v1/dialogs', viewer: 'viewer' },
  }),
  end_session: method({
    summary: 'End a conversation. The next message begins a new one.',
    input: z.strictObject({ sessionId: SessionId, viewer: Viewer }),
    output: Session,
    idempotency: 'idempotent',
    errors,
    http: { route: 'POST /api/v1/dialogs/{sessionId}/end', ...byStaff },
    ...who,
  }),
  list_intents: method({
    summary: 'Intents that the agent distinguishes, and the tools that it has in each state.',
    input: z.strictObject({}),
    output: z.object({
      intents: z.array(z.object({ name: z.string().max(40), description: Line })).max(50),
      states: z.array(z.object({ state: DialogState, tools: z.array(z.string().max(64)).max(50) })).max(10),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/dialog/intents',
  }),
  set_mode: method({
    summary: 'Set whether the agent replies in a conversation by itself, drafts its replies for approval, or is silent.',
    input: z.strictObject({ sessionId: SessionId, mode: DialogMode, viewer: Viewer }),
    output: Session,
    idempotency: 'idempotent',
    errors,
    http: { route: 'POST /api/v1/dialogs/{sessionId}/mode', ...byStaff },
    ...who,
  }),
  hand_over: method({
    summary: 'Hand a conversation over to staff. The customer is informed.',
    input: z.strictObject({ sessionId: SessionId, reason: Line, summary: PersonText.default(''), viewer: Viewer }),
    output: Session,
    idempotency: 'keyed',
    unhashed: ['viewer'],
    errors,
    http: { route: 'POST /api/v1/dialogs/{sessionId}/hand-over', ...byStaff },
    ...who,
  }),
  take_turn: method({
    summary: 'Answer everything that the customer said since the last turn.',
    input: z.strictObject({
      sessionId: Id,
      said: z
        .strictObject({
          externalId: Id,
          text: Said.nullable(),
          choice: Token.nullable(),
          name: PersonName.nullable(),
          phoneNumber: Phone.nullable(),
          language: DialogLanguage.nullable(),
          isSpoken: z.boolean().default(false).describe('The reply is heard in a call.'),
          calls: z
            .strictObject({ model: z.string().min(1).max(200), toolCalls: z.array(ToolCall).max(10) })
            .nullable()
            .optional()
            .describe('Of a model that speaks with the customer itself; no other model is asked.'),
        })
        .nullable()
        .default(null)
        .describe('What a caller said; null for a chat, whose inputs are stored.'),
    }),
    output: Answer,
    idempotency: 'keyed',
    settles: true,
    lane: 'sessionId',
    timeoutMs: 60_000,
    ttlMs: 3_600_000,
    ...own,
  }),
  next_answer: method({
    summary: 'The next answer of the model in a turn. A turn that runs again gets the same one.',
    input: z.strictObject({
      turnId: Id,
      step: z.int().min(1).max(20),
      seen: z.array(Key).max(200).describe('Inputs of the customer that the request contains.'),
      request: Json.meta({ pii: 'text' }),
    }),
    output: z.object({
      seen: z.array(Key).max(200),
      answer: z.object({
        text: z.string().max(65_536).meta({ pii: 'text' }),
        toolCalls: z
          .array(
            z.object({
              id: z.string().max(200),
              name: z.string().max(200),
              arguments: z.string().max(16_384).meta({ pii: 'text' }),
              extra: Json.optional(),
            }),
          )
          .max(10),
        end: z.enum(['stop', 'tool_calls', 'length', 'filtered']),
        model: z.string().max(200),
        inputTokens: count,
        outputTokens: count,
        offer: Json.optional(),
      }),
      ms: count,
    }),
    idempotency: 'keyed',
    timeoutMs: 45_000,
    unhashed: ['seen', 'request'],
    ...own,
  }),
  turn_completed: event({
    summary: 'A turn ended.',
    payload: z.object({
      turnId: Id,
      sessionId: Id,
      chatId: Id.nullable(),
      state: DialogState,
      intent: z.string().max(40).nullable(),
      model: z.string().max(200).nullable(),
      at: Timestamp,
    }),
    key: 'sessionId',
  }),
  handed_over: event({
    summary: 'A conversation was handed over to staff.',
    payload: z.object({ sessionId: Id, chatId: Id.nullable(), reason: Line, summary: PersonText, at: Timestamp }),
    key: 'sessionId',
  }),
  session_ended: event({
    summary: 'A conversation ended.',
    payload: z.object({ sessionId: Id, chatId: Id.nullable(), at: Timestamp }),
    key: 'sessionId',
  }),
});
