/** Sends one event to one address. */
export interface OutgoingWebhook {
  readonly url: string;
  /** The same on every attempt. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** One or, during rotation, two; `whsec_` and base64. */
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
}
export interface Webhooks {
  /**
   * Resolves once the receiver has accepted it.
   * @throws PolybError not_found with evidence.status 410 when the address is gone; others as in httpFailure, retryAfterMs from Retry-After.
   */
  post(webhook: OutgoingWebhook): Promise<void>;
}
