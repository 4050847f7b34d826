/** Greets. */
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { greetings } from './contract.ts';
import { greet } from './greet.ts';

export default service({ serves: { greetings }, settings: z.object({}) }).start(async () => ({ greetings: { greet } }));
