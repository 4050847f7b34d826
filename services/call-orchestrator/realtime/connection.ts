/** The session of a talk with a speech model: reopened when it breaks off, with the next provider if the previous one fails. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SpeechEvent, SpeechModel, SpeechOptions, SpeechSession } from '../../../adapters/realtime/port.ts';
import type { Log } from '../../../bus/service.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';

export interface ConnectionParts {
  /** In order of preference. */
  readonly models: readonly SpeechModel[];
  readonly log: Log;
  /** Options for a session opened now. */
  readonly options: () => Promise<SpeechOptions>;
  readonly event: (event: SpeechEvent) => void;
  readonly opened: (session: SpeechSession) => void;
  readonly lost: () => void;
  /** Called if no session can be opened. */
  readonly givenUp: () => void;
}
/** Maximum consecutive attempts without an answer. */
const mostAttempts = 4;
const pauseMs = 300;

/** Resolves when the talk is over or given up. */
export async function keepConnected(
  { models, log, options, event, opened, lost, givenUp }: ConnectionParts,
  signal: AbortSignal,
): Promise<void> {
  const unusable = new Set<SpeechModel>();
  let preferred = 0;
  for (let attempts = 0; attempts < mostAttempts && unusable.size < models.length; attempts++) {
    const model = models[preferred % models.length];
    if (model === undefined) break;
    if (unusable.has(model)) {
      preferred += 1;
      attempts -= 1;
      continue;
    }
    let session: SpeechSession | undefined;
    try {
      session = await model.open(await options(), signal);
      opened(session);
      for await (const each of session.events) {
        if (each.kind === 'answered' && each.outcome === 'completed') attempts = 0;
        event(each);
      }
      return;
    } catch (err) {
      if (signal.aborted) return;
      log.warn({ err, provider: model.provider }, 'the session with the speech model broke off; it is opened again');
      if (isPolybError(err) && err.code === 'failed_precondition') unusable.add(model);
      preferred += 1;
      if (session !== undefined) lost();
    }
    await delay(attempts * pauseMs, undefined, { signal }).catch(() => {}); // The talk is over.
    if (signal.aborted) return;
  }
  givenUp();
}
