import { setTimeout as wait } from 'node:timers/promises';
import { instanceId } from '../wire/ids.ts';
import { type Arrived, addTo, notConnected, type Subscription, type Transport, tooLarge } from './transport.ts';

/** A fault of the messages to a subject (`*` and `>` as in NATS); `refuse` is a missing permission. */
export interface Fault {
  readonly subject: string;
  readonly action: 'drop' | 'duplicate' | 'refuse' | { readonly delayMs: number };
  /** Number of affected messages; all by default. */
  readonly times?: number;
}
export interface MemoryTransport extends Transport {
  /** Cuts the connection; messages in flight to it are lost. */
  disconnect(): void;
  reconnect(): void;
}
export interface MemoryBroker {
  connect(user: string): MemoryTransport;
  /** In force until disposed. */
  fault(fault: Fault): Disposable;
}

interface Listener {
  readonly owner: { connected: boolean };
  readonly matches: (subject: string) => boolean;
  readonly queue: string | undefined;
  readonly deliver: (message: Arrived) => void;
  readonly onError: ((error: Error) => void) | undefined;
}

/** A NATS server in this process: subjects, queue groups, no-responders and order of delivery are the same; faults can be injected. */
export function memoryBroker({ maxPayload = 1_048_576 }: { readonly maxPayload?: number } = {}): MemoryBroker {
  const listeners = new Set<Listener>();
  const faults = new Set<{ readonly matches: (subject: string) => boolean; readonly action: Fault['action']; left: number }>();
  let turn = 0;
  let due: (() => void)[] = [];

  const later = (work: () => void): void => {
    if (due.push(work) === 1)
      setImmediate(() => {
        const now = due;
        due = [];
        for (const step of now) step();
      });
  };
  const give = (listener: Listener, message: Arrived): void =>
    later(() => {
      if (!listener.owner.connected) return;
      try {
        listener.deliver(message);
      } catch {
        // as with a real connection, one failing receiver does not affect the others
      }
    });
  const route = (message: Arrived): void => {
    const groups = new Map<string, Listener[]>();
    let hasListener = false;
    for (const listener of listeners) {
      if (!listener.owner.connected || !listener.matches(message.subject)) continue;
      hasListener = true;
      if (listener.queue === undefined) give(listener, message);
      else groups.set(listener.queue, [...(groups.get(listener.queue) ?? []), listener]);
    }
    turn += 1;
    for (const group of groups.values()) {
      const chosen = group[turn % group.length];
      if (chosen !== undefined) give(chosen, message);
    }
    if (!hasListener && message.reply !== '')
      route({ subject: message.reply, reply: '', data: new Uint8Array(0), headers: 'NATS/1.0 503\r\n\r\n' });
  };
  const befall = (subject: string): Fault['action'] | undefined => {
    for (const fault of faults) {
      if (!fault.matches(subject) || fault.left <= 0) continue;
      fault.left -= 1;
      return fault.action;
    }
    return undefined;
  };

  return {
    fault({ subject, action, times = Number.POSITIVE_INFINITY }) {
      const take = addTo(faults, { matches: matcher(subject), action, left: times });
      return { [Symbol.dispose]: take };
    },
    connect(user) {
      const owner = { connected: true };
      const own = new Set<Listener>();
      const connectionListeners = new Set<(connected: boolean) => void>();
      const refusedListeners = new Set<(subject: string) => void>();
      const setConnected = (connected: boolean): void => {
        if (owner.connected === connected) return;
        owner.connected = connected;
        for (const listen of connectionListeners) listen(connected);
      };
      const settled = (): Promise<void> => new Promise((resolve) => later(resolve));
      const transport: MemoryTransport = {
        get connected() {
          return owner.connected;
        },
        maxPayload,
        backlogBytes: 0,
        user,
        inbox: `_INBOX.${user}.${instanceId()}`,
        publish(subject, data, headers = '', reply = '') {
          if (!owner.connected) throw notConnected();
          const bytes = typeof data === 'string' ? Buffer.from(data) : Uint8Array.from(data); // a copy, as on a wire
          const size = bytes.length + Buffer.byteLength(headers, 'latin1');
          if (size > maxPayload) throw tooLarge(size, maxPayload);
          const message = { subject, reply, data: bytes, headers };
          const action = befall(subject);
          if (action === undefined) later(() => route(message));
          else if (action === 'duplicate') for (let copy = 0; copy < 2; copy += 1) later(() => route(message));
          else if (action === 'refuse') later(() => refusedListeners.forEach((listen) => void listen(subject)));
          else if (action !== 'drop') later(() => void wait(action.delayMs).then(() => route(message)));
        },
        subscribe(subject, deliver, { queue, onError } = {}): Subscription {
          const listener = { owner, matches: matcher(subject), queue, deliver, onError };
          own.add(listener);
          listeners.add(listener);
          const leave = (): void => {
            own.delete(listener);
            listeners.delete(listener);
          };
          return {
            drain: async () => {
              await settled(); // what was published before is routed,
              leave();
              await settled(); // and what was routed is delivered
            },
            unsubscribe: leave,
          };
        },
        onConnection: (listen) => addTo(connectionListeners, listen),
        onRefused: (listen) => addTo(refusedListeners, listen),
        async flush() {
          if (!owner.connected) throw notConnected();
          await settled();
        },
        async rtt() {
          const start = performance.now();
          await transport.flush();
          return performance.now() - start;
        },
        async close() {
          for (const listener of own) listeners.delete(listener);
          own.clear();
          setConnected(false);
        },
        disconnect: () => setConnected(false),
        reconnect: () => setConnected(true),
      };
      return transport;
    },
  };
}

/** Whether a subject fits a pattern with `*` (one token) and `>` (the rest). */
function matcher(pattern: string): (subject: string) => boolean {
  if (!/[*>]/.test(pattern)) return (subject) => subject === pattern;
  const wanted = pattern.split('.');
  const open = wanted.at(-1) === '>';
  return (subject) => {
    const tokens = subject.split('.');
    if (open ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every((token, at) => token === '>' || token === '*' || token === tokens[at]);
  };
}
