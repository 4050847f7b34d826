/** Classifies messages of customers: by patterns, by a local model, and by a language model if there is one. */
import { llmAdapters } from '../../adapters/llm/index.ts';
import { every, service } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { Intent, intents } from '../../contracts/intents.ts';
import { askAgain } from './ask-again.loop.ts';
import { askLlm } from './ask-llm.ts';
import { cascade } from './cascade.ts';
import { classifyIntent, classifyMessage } from './classify.ts';
import { intentsTotal } from './metrics.ts';
import { readModel } from './model-file.ts';
import { onHistoryForgotten } from './on-history-forgotten.ts';
import { onMessageChanged } from './on-message-changed.ts';
import { onMessageReceived } from './on-message-received.ts';
import { onMessageTranscribed } from './on-message-transcribed.ts';
import { onPersonErased } from './on-person-erased.ts';
import { knownPatterns, patternMethods } from './patterns.ts';
import { readIntents } from './read-intents.ts';
import { dropAnalysesBefore } from './rows.ts';
import { intentSettings } from './settings.ts';
import { watchedLlm } from './watched-llm.ts';

const dayMs = 86_400_000;

export default service({
  serves: { intents },
  uses: [
    inbox.get_message,
    inbox.message_received,
    inbox.message_changed,
    inbox.person_erased,
    inbox.history_forgotten,
    inbox.message_transcribed,
  ],
  settings: intentSettings,
  vendors: { llm: { setting: 'LLM_KIND', catalogue: llmAdapters, fallback: 'none' } },
}).start(async ({ settings, vendors: { llm }, bus, db, log, metrics, now }) => {
  metrics.begin(intentsTotal, { intent: Intent.options });
  const judge = cascade({
    patterns: knownPatterns(db, now),
    local: await readModel(),
    askLlm:
      llm === null
        ? null
        : askLlm(watchedLlm(llm, bus.health.of(`llm:${llm.name}`)), { timeoutMs: settings.INTENTS_LLM_TIMEOUT_MS, now, log, metrics }),
  });
  return {
    intents: {
      classify_intent: classifyIntent(judge),
      classify_message: classifyMessage(judge, llm?.name ?? null, now),
      ...readIntents(db, now),
      ...patternMethods(db),
    },
    on: [onMessageReceived(), onMessageChanged(), onMessageTranscribed(), onPersonErased(), onHistoryForgotten()],
    loops: [
      every('drop_old_intents', '17 3 * * *', () => dropAnalysesBefore(db, new Date(now() - settings.INTENTS_KEEP_DAYS * dayMs))),
      ...(llm === null ? [] : [askAgain(bus, now)]),
    ],
  };
});
