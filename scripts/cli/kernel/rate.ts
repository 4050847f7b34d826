import { wrongUsage } from './failure.ts';

/** `5`, `5/s`, `30/m` → per second. */
export function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = /^(\d+(?:\.\d+)?)(?:\/(s|m))?$/.exec(text);
  const rate = found === null ? 0 : Number(found[1]) / (found[2] === 'm' ? 60 : 1);
  if (!(rate > 0)) throw wrongUsage(`--rate: expected calls per second or minute, e.g. 5, 5/s, 30/m; got "${text}"`, { subject: 'call' });
  return rate;
}
