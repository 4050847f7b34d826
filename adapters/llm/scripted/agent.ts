/**
 * The scripted agent: a receptionist that is a program. It sees the same messages, tools and rules as a language model. Its answer depends
 * only on the request, so the same turn gets the same answer again. Its memory is the conversation: it recognises its own last question.
 */
import type { Offer } from '../port.ts';
import type { Conversation, Ran } from './conversation.ts';
import type { Appointment, Reading, Result, Service, Slot } from './facts.ts';
import { isLike, servicesIn, wordsIn } from './likeness.ts';
import { en, enSpoken } from './phrases.en.ts';
import { ru, ruSpoken } from './phrases.ru.ts';
import type { Phrases } from './phrases.ts';
import {
  factsIn,
  masterIn,
  nameBesidePhoneIn,
  nameIn,
  namesDay,
  namesExactTime,
  namesTime,
  optionIn,
  phoneIn,
  sharesContact,
  type Wish,
  wishIn,
} from './wishes.ts';

export interface Step {
  readonly text: string;
  readonly call?: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
  readonly offer?: Offer;
}

/** Calls of one turn. */
const mostCalls = 4;
/** Earlier texts of the customer that are read again for a service or a day. */
const remembered = 6;

/** Wishes that need a proved phone. */
const ownWishes: ReadonlySet<Wish> = new Set(['own', 'move', 'cancel']);

export function nextStep(conversation: Conversation): Step {
  const it = agentOf(conversation);
  if (conversation.isRepair) return it.help();
  const last = conversation.ran.at(-1);
  return last ? it.after(last) : it.begin();
}

function agentOf(conversation: Conversation) {
  const { facts, lastReply, before, ran, calls, has } = conversation;
  const { language, isSpoken, pressed, company, customer, offered, appointments } = facts;
  // The customer proved their phone for what they wanted before.
  const isProof = customer.phone === 'proved' && sharesContact(conversation.said) && ownWishes.has(wishIn(before[0] ?? ''));
  const said = isProof ? (before[0] ?? '') : conversation.said;
  const phrases = phrasesOf(language, isSpoken);
  const { marks } = phrases;
  const asked = (mark: keyof Phrases['marks']) => lastReply.includes(marks[mark]);
  const wish = wishIn(said);
  const named = servicesIn(said, facts.services);
  const namesService = named.clear.length + named.unclear.length > 0;
  const continuesMove = (facts.openProposal?.what === 'move' || asked('move')) && !namesService && pressed?.kind !== 'menu';
  const isMove = pressed ? continuesMove || (pressed.kind === 'appointment' && !asked('cancel')) : wish === 'move' || continuesMove;

  const say = (text: string, offer?: Offer): Step => ({ text, ...(offer && offer.options.length > 0 && { offer }) });
  function call(name: string, given: Readonly<Record<string, unknown>>, otherwise: () => Step): Step {
    return has(name) && calls < mostCalls ? { text: '', call: { name, arguments: given } } : otherwise();
  }
  const menu = (...refs: (keyof Phrases['menu'])[]): Offer => ({
    kind: 'menu',
    options: refs.map((ref) => ({ ref, title: phrases.menu[ref] })),
  });
  // A call proves no phone, so that it shows nobody's appointments.
  const fullMenu = isSpoken ? menu('book', 'services', 'person') : menu('book', 'services', 'own', 'person');
  const help = (): Step => say(phrases.help, fullMenu);
  const failed = (): Step => say(phrases.failed, menu('person'));

  // Days and labels.
  const label = ({ weekday, date, time }: Pick<Slot, 'weekday' | 'date' | 'time'>) => `${weekday}, ${dayMonth(date, language)}, ${time}`;
  const slotLabel = (slot: Slot) => capitalised([slot.service, label(slot), slot.employee].filter(Boolean).join(', '));
  const appointmentLabel = (of: Appointment) => capitalised(`${of.service}, ${label(of)}`);
  function dayOptions(): Offer {
    const today = facts.now.slice(0, 10);
    const days = today === '' ? [] : Array.from({ length: 6 }, (_, ahead) => addDays(today, ahead));
    const titles = [phrases.days.today, phrases.days.tomorrow];
    return {
      kind: 'day',
      options: [
        { ref: 'any', title: phrases.days.any },
        ...days.map((day, ahead) => ({ ref: day, title: titles[ahead] ?? dayTitle(day, language) })),
      ],
    };
  }
  const askDay = (services: readonly Service[]) => say(phrases.askDay(services.map(({ name }) => name).join(', ')), dayOptions());
  const serviceOptions = (services: readonly Service[]): Offer => ({
    kind: 'service',
    options: services.map(({ service, name, price }) => ({ ref: service, title: [name, price].filter(Boolean).join(', ') })),
  });
  const appointmentOptions = (all: readonly Appointment[]): Offer => ({
    kind: 'appointment',
    options: all.map((of) => ({ ref: of.appointment, title: appointmentLabel(of) })),
  });

  // Services.
  const byId = (id: string) => facts.services.find(({ service }) => service === id);
  const known = (ids: readonly string[]) => ids.flatMap((id) => byId(id) ?? []);
  function wanted(): { readonly clear: readonly Service[]; readonly unclear: readonly Service[] } {
    if (pressed?.kind === 'service') {
      const chosen = known([pressed.ref]);
      const others = before.slice(0, 1).flatMap((text) => servicesIn(text, facts.services).clear);
      return { clear: [...chosen, ...others.filter(({ service }) => service !== pressed.ref)], unclear: [] };
    }
    if (namesService) return { clear: named.clear, unclear: named.unclear[0] ?? [] };
    if (asked('day')) {
      const inQuestion = facts.services.filter(({ name }) => lastReply.split('. ')[0]?.split(', ').includes(name));
      if (inQuestion.length > 0) return { clear: inQuestion, unclear: [] };
    }
    // After a booking, `ещё записаться` may be for another service.
    if (facts.state === 'COMPLETED' && !namesDay(said) && pressed?.kind !== 'day') return { clear: [], unclear: [] };
    if (facts.chosen.length > 0) return { clear: known(facts.chosen), unclear: [] };
    if (facts.state === 'COMPLETED') return { clear: [], unclear: [] };
    for (const text of before.slice(0, remembered)) {
      const earlier = servicesIn(text, facts.services);
      if (earlier.clear.length + earlier.unclear.length > 0) return { clear: earlier.clear, unclear: earlier.unclear[0] ?? [] };
    }
    return { clear: [], unclear: [] };
  }
  /** The words about the day: of this turn, else of an earlier text while no times are offered. */
  function dayWords(): string | null {
    if (pressed?.kind === 'day') return pressed.ref;
    if (namesDay(said)) return said.slice(0, 200);
    if (namesTime(said)) {
      const [date, other] = [...new Set(offered.map((slot) => slot.date))];
      return (date !== undefined && other === undefined ? `${date} ${said}` : said).slice(0, 200);
    }
    if (offered.length > 0 || facts.state === 'COMPLETED') return null;
    return before.slice(0, remembered).find(namesDay)?.slice(0, 200) ?? null;
  }

  function askService(): Step {
    return facts.services.length === 0 ? listServices() : say(phrases.askService, serviceOptions(facts.services));
  }
  const listServices = () => call('get_services', {}, askService0);
  const askService0 = () =>
    facts.services.length === 0 ? say(phrases.noServices, menu('person')) : say(phrases.services, serviceOptions(facts.services));

  /** Looks for times of a service on a day, or asks for what is missing. */
  function look(day: string | null = dayWords()): Step {
    if (isMove) return move(day);
    const { clear, unclear } = wanted();
    if (unclear.length > 0) return say(phrases.askWhich, serviceOptions(unclear));
    if (clear.length === 0) return askService();
    const master = masterIn(said);
    if (master !== null && !ran.some(({ name }) => name === 'get_employees')) return call('get_employees', {}, () => askDay(clear));
    if (day === null && master === null) return askDay(clear);
    return slots(clear, day, employeeOf(master));
  }
  function slots(services: readonly Service[], day: string | null, employee: string | null): Step {
    const given = { services: services.map(({ service }) => service), ...(employee !== null && { employee }), ...dayArgument(day) };
    return call('get_available_slots', given, () => askDay(services));
  }
  const dayArgument = (day: string | null) =>
    day === null || day === 'any' ? {} : /^\d{4}-\d\d-\d\d$/.test(day) ? { date: day } : { day };
  function employeeOf(master: string | null): string | null {
    const found = ran.find(({ name }) => name === 'get_employees')?.result.employees ?? [];
    return master === null
      ? null
      : (found.find(({ name }) => wordsIn(name).some((each) => isLike(each, master.toLowerCase())))?.employee ?? null);
  }

  // Times.
  /** Proposes a slot, for the appointment that is moved or for a new one. */
  function take(slot: Slot): Step {
    const moved = movedAppointment();
    if (isMove && moved) return call('reschedule_appointment', { appointment: moved.appointment, slot: slot.slot }, failed);
    return create(slot);
  }
  function create(slot: Slot): Step {
    const name = asked('name') ? nameIn(said) : asked('phone') ? (nameBesidePhoneIn(said) ?? earlierName()) : null;
    const phone = customer.phone === 'proved' ? null : phoneIn(said);
    const given = { slot: slot.slot, ...(name !== null && { name }), ...(phone !== null && { phone: dialable(phone) }) };
    return call('create_appointment', given, () => say(phrases.whichTime));
  }
  const earlierName = () => (customer.name === null ? nameIn(before[0] ?? '') : null);
  /** The slot that the customer's words mean among the offered ones; null where the words need a look, or mean none. */
  function slotIn(): Slot | null {
    const times = said.match(/(?<![\d.])\d{1,2}[:.]\d{2}(?!\.?\d)/g)?.map((time) => time.replace('.', ':').padStart(5, '0')) ?? [];
    const employees = offered.filter(
      ({ employee }) => employee !== null && wordsIn(said).some((word) => wordsIn(employee).some((name) => isLike(word, name))),
    );
    const among = employees.length > 0 ? employees : masterIn(said) === null ? offered : [];
    if (namesDay(said) && !among.some(({ weekday }) => wordsIn(said).some((word) => isLike(word, weekday)))) return null;
    const onDay = namesDay(said) ? among.filter(({ weekday }) => wordsIn(said).some((word) => isLike(word, weekday))) : among;
    if (times.length > 0) return single(onDay.filter(({ time }) => times.includes(time)));
    if (namesTime(said)) return null;
    const nth = optionIn(said);
    if (nth !== null) return onDay.at(nth) ?? null;
    return employees.length > 0 || namesDay(said) ? single(onDay) : null;
  }
  /** The last reply proposes this slot. */
  const isInReply = (slot: Slot) => lastReply.includes(label(slot)) && (slot.employee === null || lastReply.includes(slot.employee));
  const single = (all: readonly Slot[]) => (all.length === 1 ? (all[0] ?? null) : null);

  // Own appointments.
  const own = (): Step => (appointments == null ? call('get_client_appointments', {}, failed) : owned(appointments));
  function owned(all: readonly Appointment[]): Step {
    if (wish === 'cancel') return cancel(all);
    if (isMove) return move(dayWords());
    if (all.length === 0) return say(phrases.noOwn, menu('book', 'services'));
    return say(phrases.own(all.map((of) => `– ${appointmentLabel(of)}`)), menu('book', 'person'));
  }
  function cancel(all: readonly Appointment[]): Step {
    if (all.length === 0) return say(phrases.noOwn, menu('book', 'person'));
    const chosen = chosenAppointment(all);
    if (!chosen) return say(phrases.whichCancel, appointmentOptions(all));
    return call('cancel_appointment', { appointment: chosen.appointment }, failed);
  }
  /** Pressed, the only one, or named by its service or weekday. */
  function chosenAppointment(all: readonly Appointment[]): Appointment | null {
    if (pressed?.kind === 'appointment') return all.find(({ appointment }) => appointment === pressed.ref) ?? null;
    const [only, other] = all;
    if (only && !other) return only;
    const words = wordsIn(said);
    const named = all.filter((of) =>
      [...wordsIn(of.service), of.weekday].some((name) => words.some((word) => isLike(word, name.toLowerCase()))),
    );
    const [match, another] = named;
    if (match && !another) return match;
    const nth = asked('cancel') || asked('move') ? optionIn(said) : null;
    return nth === null ? null : (all.at(nth) ?? null);
  }
  /** The appointment of the question about its new time. */
  const movedAppointment = () => {
    const all = ownNow();
    return all.find((of) => lastReply.includes(appointmentLabel(of))) ?? chosenAppointment(all);
  };
  const ownNow = () => ran.findLast(({ name }) => name === 'get_client_appointments')?.result.appointments ?? appointments ?? [];
  function move(day: string | null): Step {
    if (appointments == null && !ran.some(({ name }) => name === 'get_client_appointments'))
      return call('get_client_appointments', {}, failed);
    const all = ownNow();
    if (all.length === 0) return say(phrases.noOwn, menu('book', 'person'));
    const chosen = movedAppointment();
    if (!chosen) return say(phrases.whichMove, appointmentOptions(all));
    const services = facts.services.filter(({ name }) => chosen.service.split(', ').includes(name));
    if (day === null || services.length === 0) return say(phrases.askMove(appointmentLabel(chosen)), dayOptions());
    return slots(services, day, null);
  }

  // Steps after a tool.
  function after({ name, given, result }: Ran): Step {
    if (result.error !== undefined) return afterError(name, given, result);
    switch (name) {
      case 'get_available_slots':
        return afterSlots(given, result);
      case 'get_services':
        return afterServices(result.services ?? []);
      case 'get_employees':
        return afterEmployees(result.employees ?? []);
      case 'get_client_appointments':
        return owned(result.appointments ?? []);
      case 'create_appointment':
      case 'reschedule_appointment':
      case 'cancel_appointment':
        return say(phrases.checkProposal);
      case 'start_call':
        return say(phrases.anythingElse);
      default:
        return help();
    }
  }
  function afterSlots(given: Ran['given'], { slots: found = [], from, days }: Result): Step {
    const [first, second] = found;
    const looks = ran.filter(({ name }) => name === 'get_available_slots').length;
    const { day: _day, date: _date, ...rest } = given;
    if (!first) {
      if (looks > 2 || (given.day === undefined && given.date === undefined)) return say(phrases.noSlots, dayOptions());
      const isTimeTaken = given.day !== undefined && from !== undefined && days === 1 && namesTime(String(given.day));
      return call('get_available_slots', isTimeTaken ? { ...rest, date: from } : rest, () => say(phrases.noSlots, dayOptions()));
    }
    if (!second && looks === 1 && given.day !== undefined && namesExactTime(String(given.day))) return take(first);
    const moved = isMove ? movedAppointment() : null;
    if (looks === 1) return say(moved ? phrases.slotsMove(appointmentLabel(moved)) : phrases.slots);
    return say(given.date === undefined ? phrases.slotsOther : phrases.slotsNear);
  }
  function afterServices(services: readonly Service[]): Step {
    if (services.length === 0) return say(phrases.noServices, menu('person'));
    if (wish !== 'price') return say(phrases.services, serviceOptions(services));
    const { clear, unclear } = servicesIn(said, services);
    const named = [...clear, ...unclear.flat()];
    if (named.length === 0) return say(phrases.services, serviceOptions(services));
    const lines = named.map(({ name, price, minutes }) => phrases.price({ name, price, minutes: minutes ?? null }));
    return say([...lines, phrases.afterPrices].join('\n'), serviceOptions(named));
  }
  function afterEmployees(employees: NonNullable<Result['employees']>): Step {
    const master = masterIn(said);
    const names = employees.map(({ name, position }) => (position === null ? name : `${name} (${position.toLowerCase()})`)).join(', ');
    if (master !== null && employeeOf(master) !== null) return look();
    if (employees.length === 0) return say(phrases.noEmployees, menu('person'));
    const answer = master === null ? phrases.employees(names) : `${phrases.noEmployee} ${phrases.employees(names)}`;
    const { clear } = wanted();
    const next = clear.length > 0 ? askDay(clear) : askService();
    return { ...next, text: `${answer} ${next.text}` };
  }
  function afterError(name: string, given: Ran['given'], result: Result): Step {
    if (result.error === 'budget') return name === 'create_appointment' ? handOver('budget') : help();
    switch (name) {
      case 'get_available_slots':
        return result.error === 'bad_arguments' ? afterDay(result) : result.error === 'not_known' ? listServices() : failed();
      case 'create_appointment':
        if (result.missing !== undefined) return askWho(String(given.slot), result.missing);
        return result.error === 'not_known' || result.error === 'not_allowed' ? again() : failed();
      case 'reschedule_appointment':
      case 'cancel_appointment':
      case 'get_client_appointments':
        return result.error === 'not_allowed' ? say(phrases.provePhone) : result.error === 'not_known' ? again() : failed();
      case 'start_call':
        return result.missing?.includes('phone') ? say(phrases.callNeedsPhone) : failed();
      default:
        return failed();
    }
  }
  /** What was chosen is no longer offered. */
  const again = (): Step => say(phrases.gone, dayOptions());
  function askWho(ref: string, missing: readonly string[]): Step {
    const slot = [...ran.flatMap(({ result }) => result.slots ?? []), ...offered].find((each) => each.slot === ref);
    const of = slot ? slotLabel(slot) : '';
    const ask = missing.includes('name') ? (missing.includes('phone') ? phrases.askNameAndPhone : phrases.askName) : phrases.askPhone;
    return say(ask(of));
  }
  /** The words about the day do not name one. */
  function afterDay({ readings = [], nearest, date, detail = '' }: Result): Step {
    if (nearest !== undefined && date !== undefined)
      return say(phrases.mismatch(dayTitle(date, language), dayTitle(nearest, language)), {
        kind: 'day',
        options: [date, nearest].map((day) => ({ ref: day, title: dayTitle(day, language) })),
      });
    if (readings.length > 0) {
      const fitting = offered.filter((slot) =>
        readings.some((reading) => reading.day === slot.date && reading.time?.from === slot.time && reading.time.to === slot.time),
      );
      const only = single(fitting);
      if (only) return take(only);
      const isOneDay = new Set(readings.map(({ day }) => JSON.stringify(day))).size === 1;
      return say(isOneDay ? phrases.ambiguousTime : phrases.ambiguousDay, {
        kind: 'day',
        options: readings.slice(0, 8).map((each) => ({ ref: wordsOf(each), title: readingTitle(each, language) })),
      });
    }
    return say(/no such day/.test(detail) ? phrases.noSuchDay : phrases.past, dayOptions());
  }

  // The first step of a turn.
  function begin(): Step {
    if (pressed) return press(pressed.kind, pressed.ref);
    const pending = asked('name') || asked('phone') ? offered.find((slot) => lastReply.includes(slotLabel(slot))) : undefined;
    const isName = asked('name') && nameIn(said) !== null && !namesDay(said) && !namesService && (wish === 'other' || wish === 'greeting');
    if (pending && (phoneIn(said) !== null || isName)) return create(pending);
    const proposed = facts.openProposal?.what === 'create' ? offered.find(isInReply) : undefined;
    if (proposed && phoneIn(said) !== null) return create(proposed);
    if (asked('call') && phoneIn(said) !== null) return callBack();
    if (asked('cancel') && wish === 'other' && appointments) return cancel(appointments);
    return act(pending ? () => say(lastReply) : help);
  }
  function press(kind: NonNullable<typeof pressed>['kind'], ref: string): Step {
    switch (kind) {
      case 'slot': {
        const slot = offered.find((each) => each.slot === ref);
        return slot ? take(slot) : again();
      }
      case 'appointment':
        return asked('cancel') ? cancel(appointments ?? []) : move(null);
      case 'service':
      case 'day':
        return look();
      case 'menu':
        return ref === 'services' ? listServices() : ref === 'own' ? own() : ref === 'person' ? handOver('person') : look();
    }
  }
  const handOver = (reason: keyof Phrases['reasons']) =>
    call(
      'hand_over',
      { reason: phrases.reasons[reason], summary: [...before.slice(0, 3).reverse(), said].join('\n').slice(0, 1_000) },
      help,
    );
  const callBack = () => call('start_call', {}, () => say(phrases.callNeedsPhone));

  /** @param otherwise for words that mean nothing here */
  function act(otherwise: () => Step): Step {
    const isAboutTime = namesDay(said) || namesTime(said);
    switch (wish) {
      case 'person':
      case 'complaint':
        return handOver(wish);
      case 'call':
        return callBack();
      case 'cancel':
        return appointments == null ? own() : cancel(appointments);
      case 'move':
        return move(dayWords());
      case 'own':
        return own();
      case 'price':
      case 'services':
        return listServices();
      case 'employees':
        return call('get_employees', {}, askService);
      case 'address':
      case 'hours':
      case 'phone':
        return ofCompany();
      default:
    }
    const slot = offered.length > 0 ? slotIn() : null;
    if (slot) return take(slot);
    if (isAboutTime || namesService || wish === 'book' || masterIn(said) !== null) return look();
    if (facts.openProposal && wish === 'other') return say(phrases.confirm);
    if (wish === 'greeting') return greeting();
    if (wish === 'thanks') return say(phrases.thanks);
    if (wish === 'bye') return say(phrases.bye);
    if (wish === 'rude') return say(phrases.polite, fullMenu);
    return otherwise();
  }
  // The company writes it in one language.
  const ownGreeting = language === 'en' && /\p{Script=Cyrillic}/u.test(company.greeting ?? '') ? null : company.greeting;
  const greeting = () =>
    facts.state === 'GREETING'
      ? say(ownGreeting ?? phrases.greeting(company.name), fullMenu)
      : say(`${phrases.hello} ${phrases.help}`, fullMenu);
  function ofCompany(): Step {
    const lines = factsIn(said).flatMap((what) => (company[what] === null ? [] : [phrases[what](company[what])]));
    return lines.length === 0 ? say(phrases.unknownFact, menu('person')) : say(lines.join('\n'), menu('book', 'services'));
  }
  return { begin, after, help };
}

/** @param isSpoken in a call */
function phrasesOf(language: 'ru' | 'en', isSpoken: boolean): Phrases {
  const [written, spoken] = language === 'en' ? [en, enSpoken] : [ru, ruSpoken];
  return isSpoken ? { ...written, ...spoken } : written;
}
const capitalised = (text: string) => (text[0] ?? '').toUpperCase() + text.slice(1);
const formats = {
  ru: {
    month: new Intl.DateTimeFormat('ru', { day: 'numeric', month: 'long', timeZone: 'UTC' }),
    weekday: new Intl.DateTimeFormat('ru', { weekday: 'short', timeZone: 'UTC' }),
  },
  en: {
    month: new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' }),
    weekday: new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' }),
  },
};
type Language = keyof typeof formats;
function formatted(date: string, language: Language, what: 'month' | 'weekday'): string {
  const at = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(at) ? date : formats[language][what].format(at);
}
const dayMonth = (date: string, language: Language) => formatted(date, language, 'month');
/** `вт, 1 декабря` */
const dayTitle = (date: string, language: Language) => `${formatted(date, language, 'weekday')}, ${dayMonth(date, language)}`;
const addDays = (date: string, count: number) => new Date(Date.parse(`${date}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);

function readingTitle({ day, time }: Reading, language: Language): string {
  const days =
    day === undefined
      ? ''
      : typeof day === 'string'
        ? dayTitle(day, language)
        : `${dayTitle(day.from, language)} – ${dayTitle(day.to, language)}`;
  const { from, to } = time ?? {};
  const clock = from === to ? from : `${from ?? ''}–${to ?? ''}`;
  return [days, clock].filter(Boolean).join(', ');
}
/** A reading in words that have no other one. */
function wordsOf({ day, time }: Reading): string {
  const days = day === undefined ? '' : typeof day === 'string' ? day : `с ${day.from} по ${day.to}`;
  const { from, to } = time ?? {};
  if (from !== undefined && from === to) return `${days} в ${from}`;
  return [days, from && `с ${from}`, to && `до ${to}`].filter(Boolean).join(' ');
}
/** As E.164, if it is a number of Russia; else as written. */
function dialable(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  if (phone.startsWith('+')) return `+${digits}`;
  return digits.length === 11 && /^[78]/.test(digits)
    ? `+7${digits.slice(1)}`
    : digits.length === 10 && digits.startsWith('9')
      ? `+7${digits}`
      : digits;
}
