/** `polyb inbox`: how messages are found. */
import { openStore } from '../../../adapters/store/index.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { systemDatabaseUrl } from '../../../scripts/cli/kernel/database-url.ts';
import { refusal } from '../../../scripts/cli/kernel/failure.ts';
import { bringDictionary } from '../../../scripts/infra/dictionary.ts';
import { findPostgres } from '../../../scripts/infra/postgres.ts';
import { reindex, stateOfWords } from '../rows/words.ts';

const subject = 'inbox reindex';
const tellEveryMs = 2_000;

export async function reindexInbox({ flags, out, signal, env }: Invocation): Promise<number> {
  const url = systemDatabaseUrl({ flags, env }, subject);
  const asked = flags.text('words');
  if (asked !== 'stems') await bringOwn(signal);
  const store = openStore({ url, name: 'polyb-reindex', log: quiet, connections: 2 });
  try {
    const { isHunspellThere } = await stateOfWords(store);
    if (asked === 'hunspell' && !isHunspellThere)
      throw refusal('failed_precondition', 'PostgreSQL has no Russian hunspell dictionary', {
        subject,
        effect: 'nothing_done',
        next: ['sudo apt-get install hunspell-ru        on the machine where PostgreSQL runs'],
      });
    const words = asked !== 'stems' && isHunspellThere ? 'hunspell' : 'stems';
    let toldAt = Date.now();
    const messages = await reindex(store, words, {
      signal,
      progress: (done, of) => {
        if (Date.now() - toldAt < tellEveryMs) return;
        toldAt = Date.now();
        out.note(`${Math.floor((100 * done) / of)} %  ${done} of ${of} messages`);
      },
    });
    await out.result({ words, messages }, { text: () => `${words}  ${messages} messages` });
    out.note(
      words === 'hunspell' ? 'search finds all forms of a word' : 'search uses word stems; PostgreSQL has no hunspell dictionary',
      'ok',
    );
    return 0;
  } finally {
    await store.close();
  }
}

/** Where the PostgreSQL is our own, its dictionary comes along. */
async function bringOwn(signal: AbortSignal): Promise<void> {
  try {
    await bringDictionary(await findPostgres({ unpack: false, signal }), { signal });
  } catch {
    signal.throwIfAborted();
    // No PostgreSQL stands on this machine, so the one of DATABASE_URL is not ours to equip.
  }
}
