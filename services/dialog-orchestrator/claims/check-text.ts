/**
 * Decides whether a text of the language model may reach the customer: it must claim no act, promise nothing, and name no link, phone,
 * e-mail address, price or time without support by a row of the session or a fact.
 */
import { type Act, type ActKind, actsOf } from './acts.ts';
import { leaks } from './leaks.ts';
import { likelyClaim, nearestKind } from './likeness.ts';
import { isHarmless } from './modality.ts';
import { type Sentence, sentencesOf } from './normal-form.ts';
import { contactsIn, pricesIn, type Unsupported } from './offers.ts';
import { noSupport, type Support } from './support.ts';
import { timesIn } from './times.ts';
import { unlistedActs } from './unlisted.ts';

export interface Finding {
  readonly kind: 'booked' | 'moved' | 'cancelled' | 'called' | 'passed_on' | 'promise' | Unsupported | 'time' | 'leak';
  readonly sentence: string;
}
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly findings: readonly Finding[] };

/** Longer texts are no messages: only their beginning is read, and the rest is a leak. UTF-16 units. */
export const longestText = 4_096;

export function checkText(text: string, support: Support): Verdict {
  const read = text.slice(0, longestText);
  const findings = sentencesOf(read).flatMap((sentence) => [...claimsIn(sentence, support), ...offersIn(sentence, support)]);
  if (leaks(read, support) || text.length > longestText) findings.push({ kind: 'leak', sentence: read.slice(0, 200) });
  const distinct = findings.filter(
    ({ kind, sentence }, at) => at === findings.findIndex((other) => other.kind === kind && other.sentence === sentence),
  );
  return distinct.length === 0 ? { ok: true } : { ok: false, findings: distinct };
}

function offersIn(sentence: Sentence, support: Support): Finding[] {
  const kinds = [...contactsIn(sentence.text, support), ...pricesIn(sentence.text, support), ...timesIn(sentence, support)];
  return kinds.map((kind) => ({ kind, sentence: sentence.text }));
}

function claimsIn(sentence: Sentence, support: Support): Finding[] {
  const inParts = sentence.parts.flatMap(({ clauses }, part) => clauses.flatMap((clause) => located(sentence, part, clause)));
  const acts =
    inParts.length > 0 || sentence.isQuestion ? inParts : located(sentence, 0, sentence.parts.map(({ words }) => words).join(' '));
  const claimed = acts.filter(({ act, place }) => !isHarmless(act, place)).map(({ act }) => act);
  if (claimed.length > 0)
    return claimed.filter((act) => !isSupported(act, sentence, support)).map((act) => ({ kind: findingOf(act), sentence: sentence.text }));
  if (acts.length > 0) return [];
  const supposed = unlisted(sentence) ?? likelyClaim(sentence);
  return supposed === null || isSupported(supposed, sentence, support) ? [] : [{ kind: findingOf(supposed), sentence: sentence.text }];
}

/** An act in words without a row; the corpus supposes its kind. */
function unlisted(sentence: Sentence): Act | null {
  const [act] = sentence.parts.flatMap(({ clauses }, part) =>
    clauses.flatMap((clause) =>
      unlistedActs(clause)
        .map((each): Act => ({ ...each, kind: each.when === 'coming' ? 'checked' : nearestKind(sentence) }))
        .filter((each) => !isHarmless(each, { sentence, part, clause })),
    ),
  );
  return act ?? null;
}

const located = (sentence: Sentence, part: number, clause: string) =>
  actsOf(clause).map((act) => ({ act, place: { sentence, part, clause } }));

function findingOf({ kind, when }: Act): Finding['kind'] {
  if (when === 'coming') return 'promise';
  if (kind === 'prepared') return 'booked';
  return kind === 'noted' || kind === 'checked' ? 'passed_on' : kind;
}

/** Rows that support an act, by what it is. A request for a call supports only that the call comes. */
const doneBy: Readonly<Record<ActKind, Support['done']>> = {
  booked: ['booked', 'moved'],
  moved: ['moved'],
  cancelled: ['cancelled'],
  called: ['called'],
  passed_on: ['passed_on', 'call_requested'],
  noted: ['noted', 'passed_on'],
  checked: [],
  prepared: ['booked', 'moved', 'cancelled'],
};
const comingBy: Readonly<Record<ActKind, Support['done']>> = {
  booked: [],
  moved: [],
  cancelled: [],
  called: ['call_requested', 'called', 'passed_on'],
  passed_on: ['passed_on', 'call_requested'],
  noted: ['noted', 'passed_on'],
  checked: [],
  prepared: [],
};

function isSupported({ kind, when, isState }: Act, sentence: Sentence, { done, appointments, openProposal }: Support): boolean {
  if (kind === 'prepared' && openProposal) return true;
  if ((when === 'done' ? doneBy : comingBy)[kind].some((row) => done.includes(row))) return true;
  return (
    isState === true &&
    appointments.length > 0 &&
    timesIn(sentence, { ...noSupport, appointments }).length === 0 &&
    /\d/.test(sentence.plain)
  );
}
