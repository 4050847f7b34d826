import { type Listener, openTransports, type Transports } from '../../../media/sip/transport.ts';
import { portRange, type SipOptions } from './settings.ts';

/**
 * The transports of one instance: a port of its own for each protocol, which its dialogs name, and the shared one for first contacts.
 * @throws EADDRINUSE when no port of the range is free
 */
export async function openSip(options: SipOptions): Promise<Transports> {
  const { SIP_ADDRESS: address, SIP_ADVERTISED_ADDRESS: host, SIP_PORT: shared, SIP_PORTS: ports } = options;
  const advertised = host === undefined ? {} : { advertised: { host } };
  const protocols = options.SIP_TRANSPORTS.split(',') as readonly Listener['protocol'][]; // The settings schema has checked them.
  const common: readonly Listener[] =
    shared === undefined
      ? []
      : protocols.map((protocol) => ({ protocol, address, port: protocol === 'tls' ? shared + 1 : shared, isShared: true, ...advertised }));
  const tls = {
    ...(options.SIP_TLS_KEY === undefined ? {} : { key: options.SIP_TLS_KEY }),
    ...(options.SIP_TLS_CERT === undefined ? {} : { cert: options.SIP_TLS_CERT }),
    ...(options.SIP_TLS_CA === undefined ? {} : { ca: options.SIP_TLS_CA }),
  };
  const [first, last] = ports === undefined ? [0, 0] : portRange(ports);
  for (let port = first; ; port += protocols.length) {
    const own = protocols.map((protocol, nth) => ({ protocol, address, port: port === 0 ? 0 : port + nth, ...advertised }));
    try {
      return await openTransports({ listen: [...own, ...common], tls });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port + protocols.length > last) throw thrown;
    }
  }
}
