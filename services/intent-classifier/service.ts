/** Classifies messages of customers: by patterns, by a local model, and by a language model if there is one. */
import { firstOf } from '../../adapters/llm/first-of.ts';
import { llmAdapters } from '../../adapters/llm/index.ts';
import { watchedLlm } from '../../adapters/llm/watched.ts';
import { every, service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { Intent, intents } from '../../contracts/intents.ts';
import { askAgain } from './ask-again.loop.ts';
import { askLlm } from './ask-llm.ts';
import { cascade } from './cascade.ts';
import { classifyIntent, classifyMessage } from './classify.ts';
import { correct } from './correct.ts';
import { intentsTotal } from './metrics.ts';
import { readModel } from './model-file.ts';
import { onChatAssigned } from './on-chat-assigned.ts';
import { onHistoryForgotten } from './on-history-forgotten.ts';
import { onMessageChanged } from './on-message-changed.ts';
import { onMessageReceived } from './on-message-received.ts';
import { onMessageTranscribed } from './on-message-transcribed.ts';
import { onPersonErased } from './on-person-erased.ts';
import { knownPatterns, patternMethods } from './patterns.ts';
import { readIntents } from './read-intents.ts';
import { dropAnalysesBefore } from './rows.ts';
import { intentSettings } from './settings.ts';

const dayMs = 86_400_000;

export default service({
  serves: { intents },
  uses: [
    inbox.get_message,
    inbox.message_received,
    inbox.chat_assigned,
    inbox.message_changed,
    inbox.person_erased,
    inbox.history_forgotten,
    inbox.message_transcribed,
  ],
  settings: intentSettings,
  vendors: { llm: { setting: 'LLM_KIND', catalogue: llmAdapters, fallback: 'none', list: true } },
}).start(async ({ settings, vendors: { llm: models }, bus, db, log, metrics, now }) => {
  metrics.begin(intentsTotal, { intent: Intent.options });
  const watched = models.map((model) => watchedLlm(model, bus.health.of(`llm:${model.name}`)));
  const judge = cascade({
    patterns: knownPatterns(db, now),
    local: await readModel(),
    askLlm: models.length === 0 ? null : askLlm(firstOf(watched, { now, log, metrics }), { timeoutMs: settings.INTENTS_LLM_TIMEOUT_MS }),
  });
  return {
    intents: {
      classify_intent: classifyIntent(judge),
      classify_message: classifyMessage(judge, now),
      correct: correct(now),
      ...readIntents(db, now),
      ...patternMethods(db),
    },
    on: [onChatAssigned(), onMessageReceived(), onMessageChanged(), onMessageTranscribed(), onPersonErased(), onHistoryForgotten()],
    loops: [
      every('drop_old_intents', '17 3 * * *', () => dropAnalysesBefore(db, new Date(now() - settings.INTENTS_KEEP_DAYS * dayMs))),
      ...(models.length === 0 ? [] : [askAgain(bus, now)]),
    ],
  };
});
