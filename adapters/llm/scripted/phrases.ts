/**
 * Everything that the scripted agent says, in one language; `SpokenPhrases` replace some of it in calls, where nothing can be read or pressed.
 * Its texts claim nothing: the dialog service reports what was done.
 */
export interface Phrases {
  readonly greeting: (company: string | null) => string;
  readonly hello: string;
  readonly help: string;
  readonly polite: string;
  readonly thanks: string;
  readonly bye: string;
  readonly menu: Readonly<Record<'book' | 'services' | 'own' | 'person', string>>;
  readonly days: Readonly<Record<'today' | 'tomorrow' | 'any', string>>;
  readonly askService: string;
  readonly askWhich: string;
  /** Contains `marks.day` and the names. */
  readonly askDay: (services: string) => string;
  readonly slots: string;
  readonly slotsNear: string;
  readonly slotsOther: string;
  readonly noSlots: string;
  readonly whichTime: string;
  /** The time that the customer chose is no longer offered. */
  readonly gone: string;
  readonly past: string;
  readonly noSuchDay: string;
  readonly mismatch: (date: string, nearest: string) => string;
  readonly ambiguousDay: string;
  readonly ambiguousTime: string;
  /** Contain `marks.name`, `marks.phone`, and the slot. */
  readonly askName: (slot: string) => string;
  readonly askPhone: (slot: string) => string;
  readonly askNameAndPhone: (slot: string) => string;
  readonly checkProposal: string;
  readonly confirm: string;
  readonly price: (of: { readonly name: string; readonly price: string | null; readonly minutes: number | null }) => string;
  readonly afterPrices: string;
  readonly services: string;
  readonly noServices: string;
  readonly employees: (names: string) => string;
  readonly noEmployees: string;
  readonly noEmployee: string;
  /** Why the conversation is handed over, for the staff. */
  readonly reasons: Readonly<Record<'person' | 'complaint' | 'budget', string>>;
  readonly address: (address: string) => string;
  readonly hours: (hours: string) => string;
  readonly phone: (phone: string) => string;
  readonly unknownFact: string;
  readonly own: (lines: readonly string[]) => string;
  readonly noOwn: string;
  readonly provePhone: string;
  /** Contain `marks.move`, and the appointment. */
  readonly askMove: (appointment: string) => string;
  readonly slotsMove: (appointment: string) => string;
  readonly whichMove: string;
  /** Contains `marks.cancel`. */
  readonly whichCancel: string;
  /** Contains `marks.call`. */
  readonly callNeedsPhone: string;
  readonly anythingElse: string;
  readonly failed: string;
  /** Parts of the phrases above by which the agent recognises its own last question. */
  readonly marks: Readonly<Record<'name' | 'phone' | 'day' | 'move' | 'cancel' | 'call', string>>;
}
/** The wording of a call where the written one would ask the customer to read, write or press something. */
export type SpokenPhrases = Partial<Omit<Phrases, 'marks' | 'menu' | 'days' | 'reasons'>>;
