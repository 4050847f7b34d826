/** A receptionist for the fakes of speech models: it books with the tools of its session and says only what they return. Russian. */
import { servicesIn } from '../llm/scripted/likeness.ts';
import { nameIn, namesDay, optionIn, wishIn } from '../llm/scripted/wishes.ts';
import type { FakeAnswer, FakeItem, Json } from './realtime.fake.ts';

interface OfferedService {
  readonly service: string;
  readonly name: string;
  /** Duration and price, as the instructions list them. */
  readonly terms: string;
}
interface OfferedSlot {
  readonly slot: string;
  readonly weekday: string;
  readonly date: string;
  readonly time: string;
}
const phrases = {
  again: 'Простите, не расслышала. Повторите, пожалуйста.',
  help: 'Я могу записать вас или рассказать об услугах. Что вам нужно?',
  noServices: 'К сожалению, услуг для записи пока нет.',
  looking: 'Секунду, смотрю свободное время.',
  noTime: 'К сожалению, свободного времени в этот день нет. Какой другой день вам подойдёт?',
  name: 'На какое имя записать?',
  confirm: 'Скажите, пожалуйста, да или нет.',
  failed: 'К сожалению, сейчас это не получается.',
  listening: 'Да, слушаю вас.',
  moment: 'Секунду.',
  thanks: 'Пожалуйста! Что-нибудь ещё?',
  bye: 'Всего доброго, до свидания!',
};
const offered = 2;
const dayMonth = new Intl.DateTimeFormat('ru', { day: 'numeric', month: 'long', timeZone: 'UTC' });

/** @param items the conversation so far @param setup of the session, with the services in its instructions */
export function receptionist(items: readonly FakeItem[], _nth: number, setup: Json): FakeAnswer {
  const last = items.at(-1);
  if (last === undefined) return { says: phrases.help };
  if (last.role === 'tool') return afterTool(last.text);
  // An instruction of the system is followed; the others are read with the next words of the customer.
  const verbatim = last.role === 'system' ? /слово в слово: «(.+)»/s.exec(last.text)?.[1] : undefined;
  if (verbatim !== undefined) return { says: verbatim };
  return afterWords(items, String(setup.instructions ?? ''));
}

function afterWords(items: readonly FakeItem[], instructions: string): FakeAnswer {
  const said = items.findLast(({ role }) => role === 'user')?.text ?? '';
  if (said === '') return { says: phrases.again };
  const slots = items.flatMap(({ role, text }) => (role === 'tool' ? [slotsIn(text)] : [])).findLast((found) => found.length > 0) ?? [];
  const lastWords = items.findLast(({ role }) => role === 'assistant')?.text ?? '';
  const name = lastWords.includes(phrases.name) ? nameIn(said) : null;
  if (name !== null) return create(pickedIn(items, slots) ?? slots[0], name);
  if (/подождите|стоп(?!\p{L})/iu.test(said)) return { says: phrases.listening };
  // The system decides on its proposal and has the outcome said.
  if (/Верно\?/.test(lastWords)) return { says: phrases.moment };
  const wish = wishIn(said);
  // `Спасибо, до свидания` is both.
  if (wish === 'bye' || /до свидан/i.test(said)) return { says: phrases.bye, calls: [{ name: 'end_call', arguments: {} }] };
  if (wish === 'person' || wish === 'complaint')
    return { calls: [{ name: 'hand_over', arguments: { reason: 'Клиент просит сотрудника', summary: said.slice(0, 500) } }] };
  const services = servicesOf(instructions);
  if (slots.length > 0 && optionIn(said) !== null) return { says: phrases.name };
  if (wish === 'price' || wish === 'services') return { says: listed(services) };
  const { clear } = servicesIn(said, services);
  if (wish === 'book' || clear.length > 0 || namesDay(said)) return look(items, services, clear);
  if (wish === 'thanks') return { says: phrases.thanks };
  return { says: phrases.help };
}
function look(items: readonly FakeItem[], services: readonly OfferedService[], named: readonly OfferedService[]): FakeAnswer {
  const texts = items.flatMap(({ role, text }) => (role === 'user' ? [text] : []));
  const [wanted] = named.length > 0 ? named : texts.toReversed().flatMap((text) => servicesIn(text, services).clear);
  if (wanted === undefined) return { says: listed(services) };
  const day = texts.findLast(namesDay);
  const given = { services: [wanted.service], ...(day === undefined ? {} : { day: day.slice(0, 200) }) };
  return { says: phrases.looking, calls: [{ name: 'get_available_slots', arguments: given }] };
}
function create(slot: OfferedSlot | undefined, name: string): FakeAnswer {
  if (slot === undefined) return { says: phrases.help };
  return { calls: [{ name: 'create_appointment', arguments: { slot: slot.slot, name } }] };
}
function afterTool(text: string): FakeAnswer {
  const { outcome, result } = parsed(text);
  const slots = slotsIn(text).slice(0, offered);
  if (slots.length > 0) return { says: `Есть ${slots.map(spoken).join(', или ')}. Что вам подходит?` };
  if (result.slots !== undefined) return { says: phrases.noTime };
  if (Array.isArray(result.missing) && result.missing.includes('name')) return { says: phrases.name };
  return { says: outcome === 'proposed' ? phrases.confirm : outcome === 'done' ? phrases.thanks : phrases.failed };
}
/** The slot that the customer has chosen most recently. */
function pickedIn(items: readonly FakeItem[], slots: readonly OfferedSlot[]): OfferedSlot | undefined {
  const picks = items.flatMap(({ role, text }) => (role === 'user' ? [optionIn(text)] : []));
  const at = picks.findLast((pick) => pick !== null);
  return at == null ? undefined : slots.slice(0, offered).at(at);
}
const spoken = ({ weekday, date, time }: OfferedSlot): string =>
  `${weekday}, ${dayMonth.format(Date.parse(`${date}T00:00:00Z`))}, в ${time}`;
const listed = (services: readonly OfferedService[]): string =>
  services.length === 0 ? phrases.noServices : `${services.map(({ name, terms }) => `${name}${terms}`).join('; ')}. Что вам интересно?`;

/** `- haircut: Стрижка, 60 мин, 1 500 ₽` */
function servicesOf(instructions: string): readonly OfferedService[] {
  const lines = instructions.matchAll(/^- ([\w-]+): ([^,\n]+)(.*)$/gm);
  return [...lines].map(([, service = '', name = '', terms = '']) => ({ service, name, terms }));
}
function slotsIn(toolResult: string): readonly OfferedSlot[] {
  const { slots } = parsed(toolResult).result;
  return Array.isArray(slots) ? (slots as readonly OfferedSlot[]) : [];
}
function parsed(text: string): { readonly outcome?: string; readonly result: Readonly<Record<string, unknown>> } {
  const { outcome, result } = JSON.parse(text) as { readonly outcome?: string; readonly result?: Readonly<Record<string, unknown>> };
  return { ...(outcome === undefined ? {} : { outcome }), result: result ?? {} };
}
