import type { Sample } from '../../contracts/kit/metric.ts';
import { processCpu, processCpuSystem, processCpuUser, processMemory, processStart } from '../../contracts/metrics.ts';

/** CPU and memory of this process since its start; services of one process report the same. */
export function processSamples(): readonly Sample[] {
  const { user, system } = process.cpuUsage(); // microseconds
  const labels = {};
  return [
    { of: processCpuUser, labels, value: user / 1e6 },
    { of: processCpuSystem, labels, value: system / 1e6 },
    { of: processCpu, labels, value: (user + system) / 1e6 },
    { of: processMemory, labels, value: process.memoryUsage.rss() },
    { of: processStart, labels, value: Math.round(performance.timeOrigin) / 1000 },
  ];
}
