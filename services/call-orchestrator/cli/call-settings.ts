import type { z } from 'zod';
import { openSources } from '../../../config/env.ts';
import { read } from '../../../config/read.ts';
import { groupsOf, type Loaded, loadServices } from '../../../runtime/services.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import type { callSettings } from '../settings.ts';

/** The settings of calls in this checkout. @throws PolybError if one of them is invalid */
export async function callSettingsOf({ env }: Pick<Invocation, 'env'>): Promise<z.output<typeof callSettings>> {
  const [loaded] = await loadServices(['call-orchestrator']);
  const { own } = groupsOf(loaded as Loaded);
  return read([own], openSources({ env })).of(own) as z.output<typeof callSettings>;
}
