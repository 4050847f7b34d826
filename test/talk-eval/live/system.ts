/**
 * Starts the services of a phone call in separate processes, with their own servers and ports, and with ears and voices that need no key.
 */
import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { forkDaemon, stopDaemon } from '../../../bench/daemons.ts';
import { type BusHost, createBus } from '../../../bus/bus.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { company } from '../../../contracts/company.ts';
import { migrate } from '../../../runtime/migrate.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { startNats, startPostgres } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import salon from '../../../services/crm-connector/salon.json' with { type: 'json' };

export interface LiveSystem {
  readonly bus: BusHost;
  /** The SIP URI at which callers reach the agent. */
  readonly uri: string;
  close(): Promise<void>;
}

/** A caller may be put through to a person at any time. */
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '00:00', to: '24:00' }));

/** @param people callees for hand-overs, separated by `/` */
export async function startSystem({ ear, people }: { readonly ear: string; readonly people: string }): Promise<LiveSystem> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const dir = temporaryDir();
    closing.push(() => rm(dir, { recursive: true, force: true }));
    const nats = await startNats({ dir: join(dir, 'nats'), temporary: true });
    closing.push(() => nats.stop());
    const postgres = await startPostgres({ dir: join(dir, 'postgres'), durable: true, temporary: true });
    closing.push(() => postgres.stop());
    const url = Object.assign(new URL(postgres.url), { pathname: '/talks' }).href;
    await migrate({ url });
    const port = await freePort();
    const env = {
      ...{ NATS_URL: nats.url, DATABASE_URL: url, LOG_LEVEL: 'warn', POLYB_SECRET_KEY: 'the secret key of the evaluation of talks' },
      ...{ TELEPHONY_KIND: 'sip', SIP_PORT: String(port), CALL_HOURS: '00:00-24:00', CALL_ROUTES: '100=dialog', CALL_PEOPLE: people },
      ...{ ASR_KIND: ear, TTS_KIND: 'espeak', TTS_CACHE_DIR: join(dir, 'voices'), DIALOG_MODE: 'auto' },
      ...{ BLOB_DIR: join(dir, 'blobs'), TELEPHONY_RECORDING_DIR: join(dir, 'recordings') },
    };
    const children: ChildProcess[] = [];
    closing.push(async () => {
      for (const child of children) await stopDaemon(child);
    });
    const daemons = [['journal', 'crm-connector', 'dialog-orchestrator'], ['asr', 'tts'], ['call-orchestrator'], ['telephony-gateway']];
    for (const folders of daemons) await forkDaemon(folders, env, children);
    const transport = await connectNats({ servers: nats.url, name: 'talk-eval', inboxUser: 'talk-eval', timeoutMs: 10_000 });
    const bus = createBus({ transport, name: 'talk-eval', log: quiet });
    closing.push(() => bus.close({ graceMs: 0 }));
    await bus.call(company.set, { company: { ...salon, openingHours: everyDay } as never });
    return { bus, uri: `sip:100@127.0.0.1:${port}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}
