/** A process that hosts dialog-orchestrator, whose model is the scripted agent behind an emulator of OpenAI. Run by `agent-conversations.ts`. */
import { z } from 'zod';
import type { AnsweringLlm, AnswerRequest, ModelAnswer } from '../../adapters/llm/port.ts';
import { scripted } from '../../adapters/llm/scripted/scripted.ts';
import { dialogOrchestrator } from '../../services/dialog-orchestrator/service.ts';
import { fixNext } from '../kit/aimock.ts';
import { hosted } from './hosted.ts';

export const EmulatedWorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
  emulator: z.string(),
  /** Every answer of the model is that to the question before. */
  isLate: z.boolean(),
});

/** The emulator is given each answer before it is asked. Offers are no part of the protocol, so they pass beside it. */
function emulated(model: AnsweringLlm, emulator: string, isLate: boolean): AnsweringLlm {
  const author = scripted();
  let before: ModelAnswer | null = null;
  const prepared = async (request: AnswerRequest): Promise<ModelAnswer> => {
    const next = await author.answer(request);
    const given = isLate ? (before ?? next) : next;
    before = next;
    const { text: content, toolCalls } = given;
    await fixNext(emulator, toolCalls.length === 0 ? { content } : { ...(content !== '' && { content }), toolCalls });
    return given;
  };
  return {
    name: model.name,
    async answer(request) {
      const { offer } = await prepared(request);
      return { ...(await model.answer(request)), ...(offer && { offer }) };
    },
    async *answerStream(request) {
      const { offer } = await prepared(request);
      for await (const item of model.answerStream(request))
        yield item.type === 'text' || offer === undefined ? item : { ...item, answer: { ...item.answer, offer } };
    },
  };
}

const { emulator, isLate, ...setup } = EmulatedWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
await hosted(
  'dialog-orchestrator',
  dialogOrchestrator(([model]) => {
    if (model === undefined) throw new TypeError('The settings name no model.');
    return emulated(model, emulator, isLate);
  }),
  { ...setup, allowPrivate: [emulator], pace: { leaseMs: 8_000, renewMs: 2_000, idleMs: 150 } },
);
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
