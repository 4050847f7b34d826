import { describe } from '@jest/globals';
import { memoryTransports, natsTransports } from '../test/kit/transports.ts';
import { busConformance } from './bus.conformance.ts';

describe('the bus in memory', () => busConformance(memoryTransports));
describe('the bus on NATS', () => busConformance(() => natsTransports(process.env.NATS_URL as string)));
