import { phoneSpellings } from '../../../adapters/crm/phone-spellings.ts';
import { code, markdown, type Page, table } from './page.ts';

export function phonesPage(): Page {
  return markdown('docs/reference/phones.md', 'Phones', [
    'Numbers that adapters read from the phone field of a CRM record. A search compares every number of every candidate in E.164, so a person is found by each of them, and only by them. Tests run this table.',
    'Extensions are not compared: two people behind one switchboard are two candidates. A number that may have lost a digit is left out, never completed. The country, `<VENDOR>_PHONE_COUNTRY`, decides how numbers without a country code are read; it is `RU` unless the table says otherwise.',
    ...Object.entries(phoneSpellings).flatMap(([title, spellings]) => [
      `## ${title}`,
      table(
        ['as stored', 'country', 'numbers'],
        spellings.map(({ written, numbers, country = 'RU' }) => [shown(written), country, numbers.map(code).join(', ') || 'none']),
      ),
    ]),
  ]);
}
/** Characters without a shape as escapes. */
function shown(written: string): string {
  if (written === '') return 'empty';
  return code(written.replace(/[\u00a0\p{Cf}\n]/gu, (mark) => `\\u${(mark.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`));
}
