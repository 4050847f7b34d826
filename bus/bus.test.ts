import { describe } from '@jest/globals';
import { busConformance } from './bus.conformance.ts';
import { memoryTransports, natsTransports } from './testing/transports.ts';

describe('the bus in memory', () => busConformance(memoryTransports));
describe('the bus on NATS', () => busConformance(() => natsTransports(process.env.NATS_URL as string)));
