/** The phrases of the patterns table: stored, and cached for each message. */
import type { Database, HandlersOf } from '../../bus/service.ts';
import type { intents } from '../../contracts/intents.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { KnownPattern } from './cascade.ts';
import { holdsWord, phrase } from './phrases.ts';
import { listPatterns, putPattern, removePattern } from './rows.ts';

/** People lose track of more phrases, and each costs some time per message. */
const most = 500;
/** How soon a change reaches every process. */
const freshMs = 1_000;

type PatternMethods = Pick<HandlersOf<typeof intents>, 'list_patterns' | 'put_pattern' | 'remove_pattern'>;

export function patternMethods(db: Database): PatternMethods {
  return {
    list_patterns: async () => ({ items: [...(await listPatterns(db, most))] }),
    put_pattern: async (pattern) => {
      if (!holdsWord(pattern.phrase))
        throw new PolybError('invalid_argument', 'A phrase needs a word, e.g. "верн* деньги"; a bare * or … would match every message.');
      if (!(await db.transaction((tx) => putPattern(tx, pattern, most))))
        throw new PolybError('failed_precondition', `There are already ${most} patterns; remove one first.`, { reason: 'too_many' });
      return pattern;
    },
    remove_pattern: async ({ patternId }) => {
      await removePattern(db, patternId);
      return { patternId };
    },
  };
}

/** The patterns, at most a second old, prepared for matching. */
export function knownPatterns(db: Database, now: () => number): () => Promise<readonly KnownPattern[]> {
  let known: { readonly at: number; readonly patterns: Promise<readonly KnownPattern[]> } | undefined;
  return () => {
    if (known === undefined || now() - known.at >= freshMs) {
      const read = listPatterns(db, most).then((rows) => rows.map((row) => ({ ...row, fits: phrase(row.phrase) })));
      known = { at: now(), patterns: read };
      read.catch(() => {
        known = undefined; // The next message asks again.
      });
    }
    return known.patterns;
  };
}
