import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Frame } from '../wire/frames.ts';

/** Items that may be in flight; the receiver returns credit for half of them at a time. */
export const windowItems = 64;
const creditEvery = windowItems / 2;

/** One end of a stream: received items, and credit to send. */
export interface End {
  /** Takes a frame of the other end. */
  take(frame: Frame): void;
  /** Received items; reading them returns credit to the other end. May be read once. */
  read(accept: (value: unknown) => unknown): AsyncIterable<unknown>;
  /** Sends all of `items`, then the end. @throws what `items` or `accept` throws, or why the stream ended. */
  sendAll(items: AsyncIterable<unknown>, accept: (value: unknown) => unknown, overflow: 'wait' | 'drop_oldest'): Promise<void>;
  /** Ends both directions at this end; the first reason stays. Absent: all items were sent. */
  close(why: PolybError | undefined): void;
  readonly closed: boolean;
}

/** `post` sends to the other end and may throw; `onClosed` is called once. */
export function createEnd(post: (frame: Frame) => void, onClosed: (why: PolybError | undefined) => void): End {
  const arrived: unknown[] = [];
  let received = 0;
  let owed = 0;
  let heardAll = false;
  let lastWord: PolybError | undefined;
  let credit = windowItems;
  let sent = 0;
  let closed = false;
  let closedBy: PolybError | undefined;
  /** Wakes the reader and the sender. */
  let wakeReader: (() => void) | undefined;
  let wakeSender: (() => void) | undefined;

  function wake(): void {
    const [reader, sender] = [wakeReader, wakeSender];
    wakeReader = undefined;
    wakeSender = undefined;
    reader?.();
    sender?.();
  }
  function close(why: PolybError | undefined): void {
    if (closed) return;
    closed = true;
    closedBy = why;
    wake();
    onClosed(why);
  }
  /** Ends both directions for a fault of this end, and reports it to the other end. */
  function fail(error: PolybError): void {
    try {
      post({ kind: 'error', error });
    } catch {
      // no connection: the other end notices the silence
    }
    close(error);
  }
  function send(frame: Frame): void {
    try {
      post(frame);
    } catch (thrown) {
      const error = toPolybError(thrown);
      fail(error);
      throw error;
    }
  }

  function take(frame: Frame): void {
    if (closed) return;
    switch (frame.kind) {
      case 'item':
        received += 1;
        if (arrived.push(frame.value) > windowItems)
          fail(new PolybError('resource_exhausted', `The other end of the stream sent more than ${windowItems} items ahead.`));
        break;
      case 'credit':
        credit = Math.min(windowItems, credit + frame.items);
        break;
      case 'end':
        heardAll = true;
        if (frame.items !== received)
          lastWord = new PolybError('upstream_failed', `${frame.items - received} items of the stream were lost.`, {
            reason: 'items_lost',
          });
        break;
      case 'error':
        // An end that has sent all may be gone before all is read.
        if (!heardAll) lastWord = frame.error;
        heardAll = true;
        break;
      case 'cancel':
        close(new PolybError('cancelled', 'The other end of the stream left.'));
        break;
      case 'ping':
        return;
    }
    wake();
  }

  async function* read(accept: (value: unknown) => unknown): AsyncGenerator<unknown> {
    for (;;) {
      if (arrived.length > 0 && closedBy === undefined) {
        const item = accept(arrived.shift());
        owed += 1;
        if (owed === creditEvery && !closed && !heardAll) {
          send({ kind: 'credit', items: owed });
          owed = 0;
        }
        yield item;
      } else if (closed || heardAll) {
        const why = closedBy ?? lastWord;
        if (why !== undefined) throw why;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
    }
  }

  async function sendAll(
    items: AsyncIterable<unknown>,
    accept: (value: unknown) => unknown,
    overflow: 'wait' | 'drop_oldest',
  ): Promise<void> {
    const source = items[Symbol.asyncIterator]();
    const backlog: unknown[] = [];
    const room = (): Promise<void> =>
      new Promise((resolve) => {
        wakeSender = resolve;
      });
    const flushBacklog = (): void => {
      while (credit > 0 && backlog.length > 0 && !closed) {
        credit -= 1;
        sent += 1;
        send({ kind: 'item', value: backlog.shift() });
      }
    };
    try {
      for (;;) {
        const next = await nextUnlessClosed(source, flushBacklog);
        if (next === undefined || next.done) break;
        backlog.push(accept(next.value));
        flushBacklog();
        if (overflow === 'drop_oldest' && backlog.length > windowItems) backlog.shift();
        while (overflow === 'wait' && backlog.length > 0 && !closed) {
          await room();
          flushBacklog();
        }
      }
      while (backlog.length > 0 && !closed) {
        await room();
        flushBacklog();
      }
    } catch (thrown) {
      if (closed) throw closedBy ?? thrown;
      throw thrown;
    } finally {
      // Not awaited: a source may ignore the end for long, and its further items are not needed.
      void Promise.resolve(source.return?.()).catch(() => {});
    }
    if (closed) {
      if (closedBy !== undefined) throw closedBy;
      return;
    }
    send({ kind: 'end', items: sent });
  }
  /** The source's next item, or undefined once the stream is closed. Credit that arrives meanwhile sends the backlog. */
  function nextUnlessClosed(source: AsyncIterator<unknown>, onCredit: () => void): Promise<IteratorResult<unknown> | undefined> {
    return new Promise((resolve, reject) => {
      if (closed) {
        resolve(undefined);
        return;
      }
      const listen = (): void => {
        if (closed) resolve(undefined);
        else {
          wakeSender = listen;
          onCredit();
        }
      };
      wakeSender = listen;
      source.next().then(resolve, reject);
    });
  }

  return {
    take,
    read,
    sendAll,
    close,
    get closed() {
      return closed;
    },
  };
}
