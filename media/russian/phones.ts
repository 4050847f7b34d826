/** Phone numbers, said by groups. */
import { inDigits } from './amounts.ts';
import type { Rule } from './context.ts';
import { cardinal } from './words.ts';

const gap = String.raw`[\s\u00a0().-]{0,3}`;
/** `ноль пять`, `сто двадцать три`. */
function group(digits: string): string {
  const zeros = /^0*/.exec(digits)?.[0].length ?? 0;
  if (zeros === digits.length || zeros > 0)
    return `${inDigits(digits.slice(0, zeros))} ${zeros === digits.length ? '' : cardinal(Number(digits))}`.trim();
  return cardinal(Number(digits));
}
const said = (groups: readonly string[]): string => groups.map(group).join(', ');

const russian: Rule = {
  pattern: new RegExp(`(\\+7|8)${gap}(\\d{3})${gap}(\\d{3})${gap}(\\d{2})${gap}(\\d{2})(?!\\d)`, 'yu'),
  say: ([prefix = '', ...groups]) => `${prefix === '8' ? 'восемь' : 'плюс семь'}, ${said(groups)}`,
};
const foreign: Rule = {
  pattern: /\+(\d[\d ()-]{6,20}\d)(?!\d)/uy,
  say([written = '']) {
    const digits = written.replace(/\D/g, '');
    const groups = /\D/.test(written) ? written.split(/\D+/) : (digits.match(/\d{1,2}/g) ?? []);
    return `плюс ${said(groups.flatMap((each) => each.match(/\d{1,3}/g) ?? []))}`;
  },
};
const local: Rule = { pattern: /(\d{2,3})-(\d{2})-(\d{2})(?![\d-])/uy, say: (groups) => said(groups) };

/** In the order of matching. */
export const phones: readonly Rule[] = [russian, foreign, local];
