import type { DeepgramAccount } from './settings.ts';

/** The client library, loaded with the first request because it takes 35 MB. It neither retries nor reconnects. */
export async function deepgramClient({ DEEPGRAM_API_KEY: apiKey, DEEPGRAM_BASE_URL: baseUrl }: DeepgramAccount) {
  const { DeepgramClient } = await import('@deepgram/sdk');
  return new DeepgramClient({ apiKey, baseUrl, maxRetries: 0, reconnect: false });
}
export type Client = Awaited<ReturnType<typeof deepgramClient>>;
/** Options of every connection. */
export const once = { reconnectAttempts: 0, connectionTimeoutInSeconds: 5 } as const;
