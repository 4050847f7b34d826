/** Phones, credentials and names that stand nowhere else, in every way in which people and programs write them, and how to find one again however it was escaped. */
import { type Random, randomFrom } from './random.ts';

export interface Canary {
  readonly kind: 'phone' | 'token' | 'name';
  /** As it is put in. */
  readonly text: string;
  /** What betrays it in a text that `plain` has made. */
  readonly needle: string;
}
export interface Canaries {
  readonly all: readonly Canary[];
  readonly phones: readonly Canary[];
  readonly tokens: readonly Canary[];
  readonly names: readonly Canary[];
  /** The canaries that a text shows. */
  in(text: string): readonly Canary[];
}

type Write = (national: string) => string;
const parts = (national: string): readonly [string, string, string, string] => [
  national.slice(0, 3),
  national.slice(3, 6),
  national.slice(6, 8),
  national.slice(8),
];
const joined =
  (first: string, gap: string): Write =>
  (national) =>
    `${first}${gap}${parts(national).join(gap)}`;
/** Digits of another script, by their zero. */
const inScript =
  (zero: string): Write =>
  (national) =>
    `7${national}`.replace(/\d/g, (digit) => String.fromCodePoint((zero.codePointAt(0) ?? 0) + Number(digit)));
const bracketed =
  (first: string, open: string, close: string, gap: string): Write =>
  (national) => {
    const [code, ...rest] = parts(national);
    return `${first}${open}${code}${close}${rest.join(gap)}`;
  };

export const phoneForms: readonly Write[] = [
  (national) => `+7${national}`,
  (national) => `7${national}`,
  (national) => `8${national}`,
  (national) => national,
  joined('+7', ' '),
  joined('+7', '-'),
  joined('+7', '.'),
  joined('8', ' '),
  joined('8', '-'),
  joined('8', '.'),
  joined('8', '/'),
  joined('8', '_'),
  joined('7', '·'),
  joined('+7', '\u00a0'),
  joined('+7', '\u202f'),
  joined('+7', '\u2011'),
  joined('+7', ' – '),
  joined('+7', '  '),
  joined('8', '\t'),
  joined('8', '\n'),
  joined('+7', '\u200b'),
  joined('007', ' '),
  bracketed('8', '(', ')', '-'),
  bracketed('8 ', '(', ') ', '-'),
  bracketed('+7 ', '(', ') ', '-'),
  bracketed('+7\u00a0', '(', ')\u00a0', '\u2011'),
  bracketed('+7 ', '[', '] ', ' '),
  bracketed('', '(', ') ', '-'),
  inScript('٠'),
  inScript('۰'),
  inScript('０'),
  (national) => `＋${inScript('０')(national)}`,
  (national) => `tel:+7${national}`,
  (national) => `tel:+7-${parts(national).join('-')};ext=5`,
  (national) => `https://wa.me/7${national}?text=hi`,
  (national) => `https://crm.example/Contact?phone=%2B7${national}&x=1`,
  (national) => `https://crm.example/?q=%2B7+${parts(national).join('+')}`,
  (national) => `?phone%3D8%20${parts(national).join('%20')}`,
  (national) => `тел8${national}`,
  (national) => `lead_8${national}`,
  (national) => `lead8${national}x`.slice(0, -1),
  (national) => `client+7${national}now`,
  (national) => JSON.stringify({ phone: `+7${national}` }),
  (national) => JSON.stringify({ n: Number(`7${national}`) }),
  (national) => JSON.stringify(JSON.stringify({ phone: `8\t${parts(national).join('\n')}` })),
  (national) => JSON.stringify(JSON.stringify(JSON.stringify({ phone: `+7 ${parts(national).join(' ')}` }))),
  (national) => `8\\u00a0${parts(national).join('\\u00a0')}`,
  (national) => `+7&nbsp;${parts(national).join('&nbsp;')}`,
  (national) => `\u202a+7 ${parts(national).join(' ')}\u202c`,
];

const quoted = (field: string, value: string, times: number): string => {
  let text = JSON.stringify({ [field]: value });
  for (let nth = 1; nth < times; nth += 1) text = JSON.stringify({ body: text });
  return text;
};
const long = 'A1b2C3d4E5f6G7h8J9k0L1m2N3p4Q5r6';
const tokenForms: readonly Write[] = [
  (mark) => `7312345678:AAE${mark}${long}`.slice(0, 46),
  (mark) => `https://api.telegram.org/bot7312345678:AAE${mark}${long}/sendMessage`,
  (mark) => `pk_faults00.${mark}${long}`,
  (mark) => `Bearer ${mark}.x-_~${long}`,
  (mark) => `authorization: bearer ${mark}`,
  (mark) => `Basic QWxhZGRpbjp${mark}cGVu`,
  (mark) => `eyJ${mark}`,
  (mark) => `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ${mark}In0.s1${mark}`,
  (mark) => `https://anna:${mark}@crm.example/api`,
  (mark) => `postgres://polyb:${mark}@127.0.0.1:5432/polyb`,
  (mark) => `https:\\/\\/anna:${mark}@crm.example`,
  (mark) => `sk-${mark}${long}`,
  (mark) => `EAAG${mark}${long}`,
  (mark) => `password=${mark}`,
  (mark) => `GET /hook?token=${mark}&x=1`,
  (mark) => `?api_key=${mark}`,
  (mark) => `secret: '${mark}'`,
  (mark) => `пароль: ${mark}`,
  (mark) => `TELEGRAM_WEBHOOK_SECRET=${mark}`,
  (mark) => quoted('password', `two words ${mark}`, 1),
  (mark) => quoted('client_secret', `${mark}, and more`, 2),
  (mark) => quoted('password', `a "quoted" ${mark}`, 2),
  (mark) => quoted('password', mark, 3),
  (mark) => quoted('access_token', `some ${mark}`, 3),
  (mark) => encodeURIComponent(quoted('api_key', mark, 1)),
  (mark) => `{"message":"token='${mark}'"}`,
];
const letters = 'абвгдежзиклмнопрстуфхцчш';

/** The same for the same seed, in whichever process. */
export function canariesOf(seed: number, rounds = 2): Canaries {
  const random = randomFrom(seed);
  const used = new Set<string>();
  const fresh = (make: () => string): string => {
    for (;;) {
      const one = make();
      if (!used.has(one)) return used.add(one) && one;
    }
  };
  const each = (forms: readonly Write[], kind: Canary['kind'], make: () => string): readonly Canary[] =>
    Array.from({ length: rounds }, () => forms)
      .flat()
      .map((write) => {
        const needle = fresh(make);
        return { kind, text: write(needle), needle };
      });
  const phones = each(phoneForms, 'phone', () => `977${random.int(1_000_000, 9_999_999)}`);
  const tokens = each(tokenForms, 'token', () => `cnry${random.int(36 ** 3, 36 ** 4 - 1).toString(36)}`);
  const names = each(Array(20).fill(String), 'name', () => `Канарейкин${lettersOf(random)}`);
  const byNeedle = new Map([...phones, ...tokens, ...names].map((canary) => [canary.needle.toLowerCase(), canary]));
  return {
    phones,
    tokens,
    names,
    all: [...phones, ...tokens, ...names],
    in(text) {
      const found = [...plain(text).matchAll(/(?=(977\d{7}|cnry[0-9a-z]{4}|канарейкин[а-я]{4}))/g)];
      return found.flatMap(([, needle = '']) => byNeedle.get(needle) ?? []);
    },
  };
}
function lettersOf(random: Random): string {
  return Array.from({ length: 4 }, () => random.pick([...letters])).join('');
}

/** A text with its escapes undone, in lower case, and with nothing between the digits of a number. Written apart from what hides them. */
function plain(text: string): string {
  let left = text;
  for (let times = 0; times < 2; times += 1)
    left = left
      .replace(/(?:%[0-9a-f]{2})+/gi, decoded)
      .replace(/\\+u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return left
    .replace(/\\+[nrt]|&nbsp;/g, ' ')
    .replace(/\p{Nd}/gu, (digit) => String(numberOf(digit)))
    .replace(/(?<=\d)[^\p{L}\p{N}"',:;{}]{1,12}(?=\d)/gu, '')
    .toLowerCase();
}
function decoded(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes; // bytes of something else
  }
}
/** Digits of a script stand in order; this looks for the zero below. */
function numberOf(digit: string): number {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return code - zero;
}
