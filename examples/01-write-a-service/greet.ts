import type { Handler } from '../../bus/service.ts';
import type { greetings } from './contract.ts';

const words = { ru: 'Здравствуйте', en: 'Hello' } as const;

export const greet: Handler<typeof greetings.greet> = async ({ name, language }) => ({ text: `${words[language]}, ${name}!` });
