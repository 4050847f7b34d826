/** gRPC connections to SpeechKit. The library is loaded with the first request. */
import { fileURLToPath } from 'node:url';
import type { ClientDuplexStream, ClientReadableStream, Client as GrpcClient, Metadata, ServiceError } from '@grpc/grpc-js';
import { type Code, PolybError } from '../../../contracts/kit/errors.ts';
import type { YandexAccount } from './settings.ts';

const protos = { stt: 'speechkit.stt.v3.Recognizer', tts: 'speechkit.tts.v3.Synthesizer' } as const;
/** 64-bit numbers become JS numbers: all of them are times and positions in one session. */
const reading = { keepCase: true, longs: Number, enums: String, defaults: false, oneofs: true };

/** An IAM token names a user, whose requests need a folder; an API key belongs to a service account in one. */
export const isToken = (key: string): boolean => key.startsWith('t1.');
/** Source: yandex.cloud/docs/speechkit, Authentication. */
export const authorizationOf = (key: string): string => `${isToken(key) ? 'Bearer' : 'Api-Key'} ${key}`;

export interface Recognizer extends GrpcClient {
  RecognizeStreaming(metadata: Metadata): ClientDuplexStream<object, unknown>;
}
export interface Synthesizer extends GrpcClient {
  UtteranceSynthesis(request: object, metadata: Metadata): ClientReadableStream<unknown>;
}
type Clients = { readonly stt: Recognizer; readonly tts: Synthesizer };

/** Loads the package of a service, for clients and for the fake. */
export async function loadService(kind: keyof typeof protos) {
  const [grpc, { load }] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
  const definition = await load(fileURLToPath(new URL(`./protos/${kind}.proto`, import.meta.url)), reading);
  const found = protos[kind]
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], grpc.loadPackageDefinition(definition));
  return { grpc, Service: found as import('@grpc/grpc-js').ServiceClientConstructor };
}

export interface SpeechKit<K extends keyof Clients> {
  /** Returns the client and the metadata of a request. */
  open(): Promise<{ readonly client: Clients[K]; readonly metadata: Metadata }>;
  close(): void;
}
/** One connection for all requests of a kind. */
export function speechKit<K extends keyof Clients>(
  kind: K,
  url: string,
  { YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_FOLDER_ID: folder }: YandexAccount,
): SpeechKit<K> {
  let opened: Promise<{ readonly client: Clients[K]; readonly metadata: Metadata }> | undefined;
  const connect = async () => {
    const { grpc, Service } = await loadService(kind);
    const { protocol, hostname, port } = new URL(url);
    const isPlain = protocol === 'http:';
    const credentials = isPlain ? grpc.credentials.createInsecure() : grpc.credentials.createSsl();
    const client = new Service(`${hostname}:${port || (isPlain ? 80 : 443)}`, credentials) as unknown as Clients[K];
    const metadata = new grpc.Metadata();
    metadata.set('authorization', authorizationOf(key));
    if (folder !== undefined && isToken(key)) metadata.set('x-folder-id', folder);
    return { client, metadata };
  };
  return {
    open() {
      opened ??= connect();
      return opened;
    },
    close: () => void opened?.then(({ client }) => client.close()),
  };
}

/** Codes of gRPC. Source: grpc.io, Status codes. */
const codes: Readonly<Record<number, readonly [Code, string?]>> = {
  3: ['failed_precondition', 'upstream_rejected'],
  4: ['deadline_exceeded'],
  7: ['failed_precondition', 'upstream_credentials'],
  8: ['resource_exhausted'],
  14: ['unavailable'],
  16: ['failed_precondition', 'upstream_credentials'],
};
export function failureOf(thrown: unknown, what: string): PolybError {
  const { code: status = 2, details = (thrown as Error).message } = thrown as Partial<ServiceError>;
  const [code, reason] = codes[status] ?? ['upstream_failed', 'upstream_status'];
  return new PolybError(code, `${what} by Yandex SpeechKit failed with gRPC status ${status}: ${details.slice(0, 200)}.`, {
    cause: thrown,
    ...(reason && { reason }),
  });
}
