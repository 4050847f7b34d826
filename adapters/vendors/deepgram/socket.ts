/** One connection of speech recognition, from its opening to the last final. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { HeardItem, SpokenItem } from '../../asr/port.ts';

/** The part of the library's sockets shared by both protocols. */
export interface Socket {
  connect(): unknown;
  waitForOpen(): Promise<unknown>;
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}
/** A protocol: reacts to audio and messages without waiting. */
export interface Protocol {
  hear(audio: Uint8Array): void;
  /** Returns the answer if it is known without the provider. */
  finalize(): readonly HeardItem[];
  read(message: unknown): readonly HeardItem[];
  /** Called four times a second. */
  tick(): readonly HeardItem[];
  /** Called when no more audio follows. */
  end(): void;
  /** Called when the connection is closed. Returns the remaining answers; null if the provider still had results to send. */
  closed(): readonly HeardItem[] | null;
}
/** How long the provider may keep sending after the last audio. */
const lastWordsMs = 5_000;
const tickMs = 250;

/** @throws PolybError unavailable/ear_broke_off */
export async function converse(
  socket: Socket,
  protocol: Protocol,
  spoken: AsyncIterable<SpokenItem>,
  emit: (item: HeardItem) => void,
  signal: AbortSignal,
): Promise<void> {
  const close = (): void => socket.close();
  signal.addEventListener('abort', close, { once: true });
  const messages = socket[Symbol.asyncIterator]();
  const emitAll = (items: readonly HeardItem[]): void => items.forEach(emit);
  let ticking: ReturnType<typeof setInterval> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    socket.connect();
    await socket.waitForOpen();
    const reading = (async () => {
      for (let next = await messages.next(); !next.done; next = await messages.next()) emitAll(protocol.read(next.value));
    })();
    ticking = setInterval(() => emitAll(protocol.tick()), tickMs);
    const sending = (async () => {
      for await (const item of spoken) {
        if (signal.aborted) return;
        if ('finalize' in item) emitAll(protocol.finalize());
        else protocol.hear(item);
      }
    })();
    const closed = reading.then(() => {
      throw new Error('the connection was closed');
    });
    await Promise.race([sending, closed]);
    closed.catch(() => {}); // From here on it may be.
    protocol.end();
    await Promise.race([
      reading,
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('its last words do not come')), lastWordsMs);
      }),
    ]);
    signal.throwIfAborted();
    const last = protocol.closed();
    if (last === null) throw new Error('it closed the connection without its last words');
    emitAll(last);
  } catch (cause) {
    signal.throwIfAborted();
    throw new PolybError('unavailable', `Deepgram does not hear: ${(cause as Error).message}.`, { reason: 'ear_broke_off', cause });
  } finally {
    clearInterval(ticking);
    clearTimeout(timer);
    signal.removeEventListener('abort', close);
    close();
  }
}
