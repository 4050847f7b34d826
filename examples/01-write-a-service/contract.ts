import { z } from 'zod';
import { PersonName, PersonText } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';

export const greetings = contract('greetings', '1.0.0', {
  greet: method({
    summary: 'Greet somebody by name.',
    input: z.strictObject({ name: PersonName, language: z.enum(['ru', 'en']).default('ru') }),
    output: z.object({ text: PersonText }),
    idempotency: 'read',
    examples: [{ name: 'Иван' }],
  }),
});
