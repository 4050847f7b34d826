/** Which system the server at an address of run.json belongs to. A reply alone proves nothing: another program may have taken the port. */
import { join } from 'node:path';
import { quiet } from '../../../runtime/noop-log.ts';
import { natsInfo, systemSetting } from '../../../runtime/own-server.ts';
import { redisAnswers } from '../../infra/ready.ts';
import { enterable, unprivileged } from '../../infra/unprivileged.ts';
import { type Server, serverFolder } from './project.ts';
import type { RunValues } from './run-file.ts';

/** `own`: a server of this checkout. `silent`: no server has replied yet. */
export type Owner = 'own' | 'other' | 'silent';

export const ownerAt = {
  /** Proved by the server name, which `up` chose at random. */
  async nats({ NATS_URL = '', [systemSetting]: system }) {
    const info = await natsInfo(NATS_URL);
    return info === undefined ? 'silent' : info.serverName === system ? 'own' : 'other';
  },
  /** Proved by the password, which logs in, and by the data directory. */
  async postgres({ DATABASE_URL = '' }) {
    const { openPostgres } = await import('../../../adapters/store/postgres.ts');
    const url = Object.assign(new URL(DATABASE_URL), { pathname: '/postgres' }).href;
    const db = openPostgres({ url, name: 'polyb-up', log: quiet, connections: 1 });
    try {
      const [row] = await db.query<{ data: string }>(`select current_setting('data_directory') as data`);
      return row?.data === join(enterable(serverFolder('postgres'), unprivileged()), 'data') ? 'own' : 'other';
    } catch (error) {
      // An SQLSTATE from the server: it accepts connections and refuses this one.
      return /^(28|3D|42)/.test(String((error as { code?: unknown }).code)) ? 'other' : 'silent';
    } finally {
      await db.close();
    }
  },
  /** Proved by the password; a Redis without a password refuses it. */
  async redis({ REDIS_URL = '' }) {
    const { port, password } = new URL(REDIS_URL);
    const answer = await redisAnswers(Number(port), password);
    return answer === 'ready' ? 'own' : answer === 'busy' ? 'silent' : 'other';
  },
} as const satisfies Record<Server, (run: RunValues) => Promise<Owner>>;
