/** `polyb intents train`. */
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { trainModel } from '../model-file.ts';

export async function trainIntents({ out }: Invocation): Promise<number> {
  out.note('learning');
  const isNew = await trainModel();
  await out.result({ isNew }, { text: () => (isNew ? 'services/intent-classifier/model.json' : '') });
  out.note(isNew ? 'the model is written' : 'the model was current', 'ok');
  return 0;
}
