import { isPolybError } from '../../contracts/kit/errors.ts';
import { serveHere } from '../serve-here.ts';
import { greetings } from './contract.ts';
import greeter from './service.ts';

await using here = await serveHere('greeter', greeter);

console.log(await here.bus.call(greetings.greet, { name: 'Иван' }));
console.log(await here.bus.call(greetings.greet, { name: 'Ivan', language: 'en' }));
try {
  await here.bus.call(greetings.greet, { name: '' });
} catch (error) {
  if (!isPolybError(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
