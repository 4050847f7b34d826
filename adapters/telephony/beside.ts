import { lookUp } from '../../contracts/kit/define.ts';
import { bridge } from './bridge.ts';
import type { LegServer, Telephony } from './port.ts';

/** Combines a gateway with a second one, which dials the phones for which `isSecond` is true. Legs of both can be connected. */
export function beside(main: Telephony, second: Telephony, isSecond: (to: string) => boolean): Telephony {
  const [ofMain, ofSecond] = [main.dial.onUnknown, second.dial.onUnknown];
  const abandon = main.abandon ?? second.abandon;
  /** Disconnects a leg from a leg of the other gateway, by leg id. */
  const bridges = new Map<string, () => void>();
  const part = (legId: string): void => {
    bridges.get(legId)?.();
    bridges.delete(legId);
  };
  return {
    ...main,
    ...(abandon === undefined ? {} : { abandon }),
    dial: {
      attempt: (dial, at) => (isSecond(dial.to) ? second : main).dial.attempt(dial, at),
      onUnknown:
        ofMain.do === 'look_up' && ofSecond.do === 'look_up'
          ? lookUp(ofMain.settleMs, (attempt, signal) => (isSecond(attempt.input.to) ? ofSecond : ofMain).find(attempt, signal))
          : ofMain,
    },
    async start(host) {
      const servers: LegServer[] = [];
      const parting = {
        ...host,
        changed(change: Parameters<typeof host.changed>[0]) {
          if (change.state === 'ended') part(change.legId);
          host.changed(change);
        },
      };
      for (const each of [main, second]) {
        const server = await each.start?.(parting);
        if (server !== undefined) servers.push(server);
      }
      return {
        drain: async (signal) => void (await Promise.all(servers.map((server) => server.drain(signal)))),
        close: async () => void (await Promise.all(servers.map((server) => server.close()))),
      };
    },
    leg: (legId) => second.leg?.(legId) ?? main.leg?.(legId),
    connect(one, other) {
      for (const { legId } of [one, other]) part(legId);
      const isOfSecond = ({ legId }: { legId: string }): boolean => second.leg?.(legId) !== undefined;
      if (isOfSecond(one) === isOfSecond(other)) {
        one.connect(other);
        return;
      }
      for (const leg of [one, other]) leg.connect(null);
      const stop = bridge(one, other);
      bridges.set(one.legId, stop).set(other.legId, stop);
    },
    part(one, other) {
      for (const leg of [one, other]) {
        part(leg.legId);
        leg.connect(null);
      }
    },
    trunks: () => [...(main.trunks?.() ?? []), ...(second.trunks?.() ?? [])],
  };
}
