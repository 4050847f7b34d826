/** Words by which a text gives away how it reaches people: what can only be read, and what can only be heard. For tests. */

/** A caller can do none of it. */
export const onlyWritten: Readonly<Record<'ru' | 'en', RegExp>> = {
  ru: /(?<!\p{L})(?:(?:на)?пиш(?:ите|ем|у)|напис|пришлите|нажм|кнопк|ссылк|экран|текстом|ниже(?!\p{L})|сюда(?!\p{L})|(?:в|через) чат|покаж|показыва|показать|посмотрите|смотрите|прочт|прочит|в списке|проверьте)/iu,
  en: /(?<![a-z])(?:write|press|tap|click|button|link|screen|below|(?:by|in the) chat|show|read|reply here|on the list|here are|check that)/i,
};
/** A reader of a chat can do none of it. */
export const onlySpoken: Readonly<Record<'ru' | 'en', RegExp>> = {
  ru: /(?<!\p{L})(?:продикту|диктуйте|слуша(?:ю|йте)|слышно|расслышал|на линии|соединяю|звоните|перезвоним|по телефону|произнес)/iu,
  en: /(?<![a-z])(?:dictate|listening|hear you|on the line|putting you through|put you through|by phone|call any time|call you back)/i,
};

/** Every text in a table of texts; functions are called with `args`, by default with texts. */
export function textsIn(
  table: object,
  args: Readonly<Record<string, readonly unknown[]>> = {},
): readonly (readonly [name: string, text: string])[] {
  return Object.entries(table).flatMap(([name, value]: [string, unknown]): (readonly [string, string])[] => {
    if (typeof value === 'string') return [[name, value]];
    if (typeof value === 'function') return [[name, String(value(...(args[name] ?? ['X', 'Y'])))]];
    return typeof value === 'object' && value !== null ? textsIn(value, args).map(([inner, text]) => [`${name}.${inner}`, text]) : [];
  });
}
