import type { z } from 'zod';
import { narrowedTo, type Viewer } from '../../contracts/common.ts';

/** The manager whose rows alone are shown and decided on; others see all rows. */
export function managerOf(viewer: z.output<typeof Viewer>): string | undefined {
  return narrowedTo(viewer) ?? undefined;
}
