/** What a person should look at before a text goes out. The marks help to read; what is refused is decided by the server. */
export const risks = ['price', 'discount', 'promise', 'contact', 'legal'] as const;
export type Risk = (typeof risks)[number];

const signs: Readonly<Record<Risk, RegExp>> = {
  price: /\d[\d\s]*(₽|руб|р\.|тыс|\$|€|usd|eur)/i,
  discount: /скидк|\d\s*%|бесплатн|в подарок|промокод|discount|for free/i,
  promise:
    /(^|[^а-яё])(завтра|сегодня|послезавтра|будет готов|успеем|обеща|гарантир|до \d{1,2}[:.]\d\d|через \d+ (мин|час|дн))|tomorrow|guarantee|promise/i,
  contact: /https?:\/\/|www\.|@[a-z0-9_]{4,}|\+?\d[\d ()-]{9,}\d/i,
  legal: /договор|суд[ауе]?([^а-яё]|$)|претензи|возврат|компенсац|refund|lawsuit|contract/i,
};

export function risksOf(text: string): readonly Risk[] {
  return risks.filter((risk) => signs[risk].test(text));
}
