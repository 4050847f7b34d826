/** The agent: conversations with customers, in which a model proposes and the rules decide. */
import { type FirstOfDeps, firstOf } from '../../adapters/llm/first-of.ts';
import { llmAdapters } from '../../adapters/llm/index.ts';
import type { AnsweringLlm, Llm } from '../../adapters/llm/port.ts';
import { scripted } from '../../adapters/llm/scripted/scripted.ts';
import { watchedLlm } from '../../adapters/llm/watched.ts';
import { service } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { calls } from '../../contracts/calls.ts';
import { company } from '../../contracts/company.ts';
import { crm } from '../../contracts/crm.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { settled } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { checkText } from './claims/check-text.ts';
import { noSupport } from './claims/support.ts';
import { companyFacts } from './company.ts';
import { methods } from './decide.ts';
import { dialogStream } from './dialog-stream.ts';
import { eagerAnswers } from './eager.ts';
import { factNames } from './facts.ts';
import { forgetDialogs } from './forget-dialogs.loop.ts';
import { dialogHandlers } from './handlers.ts';
import { listTools } from './list-tools.ts';
import { nextAnswer } from './next-answer.ts';
import { onButtonPressed } from './on-button-pressed.ts';
import { onChatAssigned } from './on-chat-assigned.ts';
import { onChatsMerged } from './on-chats-merged.ts';
import { onHistoryForgotten } from './on-history-forgotten.ts';
import { onMessageChanged } from './on-message-changed.ts';
import { onMessageReceived } from './on-message-received.ts';
import { onMessageTranscribed } from './on-message-transcribed.ts';
import { onPersonErased } from './on-person-erased.ts';
import { onProposalSettled } from './on-proposal-settled.ts';
import { onTurnSettled } from './on-turn-settled.ts';
import { loadPrompts } from './prompts.ts';
import { rules as ourRules, type Rules } from './rules.ts';
import { runTools } from './run-tools.ts';
import { dialogSettings } from './settings.ts';
import { streams } from './streams.ts';
import { takeTurn } from './take-turn.ts';

/** @param modelOf the model that answers, of those that the settings pick; a test passes its own.
 *  @param rules a fault test passes weaker ones */
export const dialogOrchestrator = (modelOf: (models: readonly Llm[], deps: FirstOfDeps) => AnsweringLlm, rules: Rules = ourRules) =>
  service({
    serves: { dialog },
    uses: [
      ...[inbox.chat_context, inbox.get_message, inbox.get_client, inbox.set_chat_owner],
      ...[
        inbox.message_received,
        inbox.message_changed,
        inbox.message_transcribed,
        inbox.button_pressed,
        inbox.person_erased,
        inbox.history_forgotten,
        inbox.chats_merged,
        inbox.chat_assigned,
      ],
      ...[messages.send_reply, journal.confirm, company.get, calls.start_call, crm.push_to_crm],
      ...[
        booking.list_services,
        booking.list_employees,
        booking.get_free_slots,
        booking.find_client,
        booking.list_appointments,
        booking.get_appointment,
        booking.create_client,
      ],
      ...Object.values(methods),
      ...Object.values(methods).map((method) => settled(method)),
    ],
    settings: dialogSettings,
    vendors: { llm: { setting: 'LLM_KIND', catalogue: llmAdapters, fallback: 'none', list: true } },
  }).start(async ({ settings, vendors, bus, db, log, metrics, now }) => {
    const watched = vendors.llm.map((model) => watchedLlm(model, bus.health.of(`llm:${model.name}`)));
    const llm = modelOf(watched, { now, log, metrics });
    const prompts = await loadPrompts(settings.DIALOG_PROMPTS, factNames);
    const facts = companyFacts({ connection: settings.DIALOG_CONNECTION, timeZone: settings.DIALOG_TIME_ZONE, now });
    checkText('Здравствуйте!', noSupport); // The first check builds its tables, which takes about a second.
    const listeners = streams();
    const shared = { db, settings, company: facts, now };
    const eager = eagerAnswers({ ...shared, prompts, metrics, log, llm });
    return {
      dialog: {
        ...dialogHandlers(shared),
        take_turn: takeTurn({ ...shared, prompts, rules, metrics, log, listeners }),
        next_answer: nextAnswer(llm, listeners.heardBy, eager),
        dialog_stream: dialogStream(listeners, db, eager),
        list_tools: listTools({ ...shared, prompts }),
        run_tools: runTools(db),
      },
      on: [
        onMessageReceived(settings, now),
        onMessageChanged(settings, now),
        onMessageTranscribed(),
        onButtonPressed(),
        ...Object.values(methods).map(onProposalSettled),
        onTurnSettled(),
        onPersonErased(),
        onHistoryForgotten(),
        onChatsMerged(),
        onChatAssigned(),
      ],
      loops: [forgetDialogs(db, settings.DIALOG_KEEP_DAYS, now)],
    };
  });

/** Without a provider, and while all fail, the scripted agent answers. */
export default dialogOrchestrator((models, deps) => firstOf([...models, scripted()], deps));
