import { describe } from '@jest/globals';
import { speechModelConformance } from '../../realtime/conformance.ts';
import { yandexRealtime } from './realtime.ts';

describe.each([44_100, 24_000, 8_000])('at %i Hz', (rateHz) => {
  speechModelConformance('yandex', {
    scheme: 'Api-Key',
    modelOf: (url, silentMs) =>
      yandexRealtime({ apiKey: 'sk-test', folderId: 'b1g', url, model: 'speech-realtime-250923', voice: 'alena', rateHz, silentMs }),
  });
});
