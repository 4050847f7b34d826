import type { Ear, Expectation, SpokenItem } from '../../adapters/asr/port.ts';
import type { StreamHandler } from '../../bus/service.ts';
import type { asr as contract } from '../../contracts/asr.ts';
import { rateHz } from '../../media/audio/g711.ts';
import type { Counts } from './counts.ts';

export function recognizeStream(ear: Ear, counts: Counts): StreamHandler<typeof contract.recognize_stream> {
  return async function* ({ language, hints = [] }, up, { signal }) {
    let { provider } = ear;
    let expects: readonly Expectation[] = [];
    const given = async function* (): AsyncGenerator<SpokenItem> {
      for await (const item of up) {
        if ('expects' in item) {
          expects = item.expects;
          continue;
        }
        if (item instanceof Uint8Array) counts.audio(provider, item.length / rateHz);
        yield item;
      }
    };
    let sinceFinalized = 0;
    for await (const item of ear.hear(given(), { language, hints, expects: () => expects }, signal)) {
      if (item.kind === 'final') {
        sinceFinalized += 1;
        provider = item.provider ?? ear.provider;
        yield { ...item, words: [...item.words], provider };
        continue;
      }
      if (item.kind === 'alive') continue;
      if (item.kind === 'starts_over') {
        yield { kind: 'partial', text: '', startsOver: true };
        continue;
      }
      if (item.kind === 'finalized') {
        counts.finals(provider, sinceFinalized);
        sinceFinalized = 0;
      }
      yield item;
    }
  };
}
