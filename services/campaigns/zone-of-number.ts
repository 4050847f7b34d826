/**
 * Time zones of Russian numbers.
 *
 * Areas: the three digits after +7 of geographic numbers, from the tables of the Russian numbering plan (order 142 of the Ministry of
 * Communications of 17 November 2006, as amended). Zones: article 5 of federal law 107-FZ of 3 June 2011 and its amendments, by the names
 * of the IANA time zone database. Kazakhstan has one zone since 1 March 2024.
 */

const areas: Readonly<Record<string, string>> = {
  'Europe/Kaliningrad': '401',
  'Europe/Moscow':
    '365 471 472 473 474 475 481 482 483 484 485 486 487 491 492 493 494 495 496 498 499 811 812 813 814 815 816 817 818 820 821 831 833 834 835 836 841 843 844 847 855 861 862 863 865 866 867 869 871 872 873 877 878 879',
  'Europe/Samara': '341 842 845 846 848 851',
  'Asia/Yekaterinburg': '342 343 345 346 347 349 351 352 353',
  'Asia/Omsk': '381',
  'Asia/Krasnoyarsk': '382 383 384 385 388 390 391 394',
  'Asia/Irkutsk': '301 395',
  'Asia/Yakutsk': '302 416',
  'Asia/Vladivostok': '421 423 426',
  'Asia/Magadan': '413 424',
  'Asia/Kamchatka': '415 427',
};
const zoneOfArea = new Map(Object.entries(areas).flatMap(([zone, codes]) => codes.split(' ').map((code) => [code, [zone]] as const)));
/** Every zone of Russia: a mobile number keeps its digits when its owner moves. */
export const russianZones: readonly string[] = Object.keys(areas);
const kazakh = ['Asia/Almaty'];
/** Yakutia has three zones and one area code. */
const yakutia = ['Asia/Yakutsk', 'Asia/Vladivostok', 'Asia/Magadan'];

/** The time zones where the phone may be; empty if unknown. @param phone E.164 */
export function zonesOfNumber(phone: string): readonly string[] {
  const [, area = ''] = /^\+7(\d{3})\d{7}$/.exec(phone) ?? [];
  if (area === '411') return yakutia;
  if (area.startsWith('9') && area !== '940') return russianZones;
  if (area.startsWith('7') || area.startsWith('6')) return kazakh;
  return zoneOfArea.get(area) ?? [];
}
