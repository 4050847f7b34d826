/** The speech models of `polyb talk`, by the settings of this checkout. */
import { createHttp } from '../../../adapters/http.ts';
import { realtimeAdapters } from '../../../adapters/realtime/index.ts';
import type { SpeechModel } from '../../../adapters/realtime/port.ts';
import { openSources } from '../../../config/env.ts';
import { type Group, read } from '../../../config/read.ts';
import { groupsOf, type Loaded, loadServices } from '../../../runtime/services.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

export interface SpeechModels extends AsyncDisposable {
  /** In order of preference. */
  readonly models: readonly SpeechModel[];
}
/** @throws PolybError if REALTIME_KIND names none, or a setting of a model is invalid */
export async function speechModels({ env, path }: Pick<Invocation, 'env' | 'path'>): Promise<SpeechModels> {
  const [loaded] = await loadServices(['call-orchestrator']);
  const { kinds, vendors } = groupsOf(loaded as Loaded);
  const [kind, byName] = [kinds.realtime as Group, vendors.realtime as Readonly<Record<string, Group>>]; // The service declares them.
  const settings = read([kind, ...Object.values(byName)], openSources({ env }));
  const names = (settings.of(kind).REALTIME_KIND as readonly string[]).filter((name) => name !== 'none');
  if (names.length === 0) throw wrongUsage('REALTIME_KIND names no speech model', { subject: path, next: ['polyb mock openai-realtime'] });
  // Only calls over SIP, which this process does not take, are controlled over HTTP.
  const http = createHttp({ allowPrivate: [] });
  return {
    models: names.map((name) => {
      const { create } = realtimeAdapters[name as keyof typeof realtimeAdapters];
      return create(settings.of(byName[name] as Group) as never, { http, now: Date.now } as never);
    }),
    [Symbol.asyncDispose]: () => http.close(),
  };
}
