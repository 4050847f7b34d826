/** Audio at every boundary of this system: G.711 μ-law, 8 kHz, mono. */
import { rateHz, silence } from '../../media/audio/g711.ts';

export const bytesPerMs = rateHz / 1_000;
export const frameMs = 20;
export const frameBytes = frameMs * bytesPerMs;
export const silentByte = silence.PCMU;
