/** The fake of Altegio. As a program: `node adapters/vendors/altegio/fake.ts --port 0 --effects FILE` prints its address. */
import { runFake } from '../../fake-server.ts';
import { type SalonFake, type SalonFakeOptions, salonFake } from '../yclients/fake.ts';
import { altegioPlatform } from './platform.ts';

export function altegioFake(options: Omit<SalonFakeOptions, 'platform'> = {}): Promise<SalonFake> {
  return salonFake({ ...options, platform: altegioPlatform });
}

if (import.meta.main) await runFake(altegioFake);
