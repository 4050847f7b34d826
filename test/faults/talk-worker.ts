/** A process that hosts call-orchestrator, as it is or with one protection of its talks off. Run by the tests of talks. */
import { z } from 'zod';
import { createOutbox } from '../../adapters/outbox.ts';
import type { Bus } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { dialog } from '../../contracts/dialog.ts';
import { tts } from '../../contracts/tts.ts';
import { loadServices } from '../../runtime/services.ts';
import { hosted } from './hosted.ts';

export const TalkWorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
  /**
   * `replay`: an ear that is opened again is not sent what the one before had; `break`: a voice that breaks off counts as one that has said
   * all; `epoch`: audio belongs to the last text, whatever text it is of; `failure`: a dialog that breaks off is waited for.
   */
  off: z.enum(['replay', 'break', 'epoch', 'failure']).nullable(),
});
type Off = z.output<typeof TalkWorkerSetup>['off'];
type Items = AsyncIterable<unknown>;
type Open = (stream: unknown, input: unknown, up: Items, options: object) => Items;

/** Only what is new to the second ear of a talk. */
async function* withoutReplay(up: Items): Items {
  let isReplay = true;
  setImmediate(() => {
    isReplay = false;
  });
  for await (const item of up) if (!isReplay || !(item instanceof Uint8Array)) yield item;
}
type Spoken = { readonly id: string };
/** Ends what a voice had begun when it breaks off, and begins the next text with the next voice. */
async function* pretending(open: (up: Items) => Items, up: Items): Items {
  const begun = new Set<string>();
  const seen = createOutbox<unknown>();
  void (async () => {
    for await (const item of up) {
      if ('id' in (item as object)) begun.add((item as Spoken).id);
      seen.put(item);
    }
    seen.end();
  })();
  try {
    for await (const item of open(seen)) {
      if ('end' in (item as object)) begun.delete((item as Spoken).id);
      yield item;
    }
  } catch (error) {
    if (begun.size === 0) throw error;
    for (const id of begun) yield { id, end: true, voice: 'anna', provider: 'emulated', durationMs: 1 };
  }
}
async function* withoutEpochs(open: (up: Items) => Items, up: Items): Items {
  let last = '';
  const noted = (async function* () {
    for await (const item of up) {
      if ('text' in (item as object)) last = (item as Spoken).id;
      yield item;
    }
  })();
  for await (const item of open(noted)) yield 'audio' in (item as object) ? { ...(item as object), id: last } : item;
}
async function* patiently(items: Items): Items {
  try {
    yield* items;
  } catch {
    await new Promise(() => {});
  }
}

/** The bus of a talk without this protection. */
function weakened(bus: Bus, off: Off): Bus {
  let ears = 0;
  const raw = bus.open as unknown as Open;
  const open: Open = (stream, input, up, options) => {
    const as = (given: Items): Items => raw(stream, input, given, options);
    if (off === 'replay' && stream === asr.recognize_stream) {
      ears += 1;
      return as(ears === 1 ? up : withoutReplay(up));
    }
    if (off === 'break' && stream === tts.synthesize_stream) return pretending(as, up);
    if (off === 'epoch' && stream === tts.synthesize_stream) return withoutEpochs(as, up);
    if (off === 'failure' && stream === dialog.dialog_stream) return patiently(as(up));
    return as(up);
  };
  return Object.create(bus, { open: { value: open } }) as Bus;
}

async function main(): Promise<void> {
  const { off, ...setup } = TalkWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const [loaded] = await loadServices(['call-orchestrator']);
  if (loaded === undefined) throw new Error('there is no service call-orchestrator');
  const { service } = loaded;
  await hosted(
    'call-orchestrator',
    off === null ? service : { ...service, make: (parts) => service.make({ ...parts, bus: weakened(parts.bus, off) }) },
    { ...setup, pace: { leaseMs: 2_000, renewMs: 500, idleMs: 150 } },
  );
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (import.meta.main) await main();
