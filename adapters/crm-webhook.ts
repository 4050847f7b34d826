/** What a CRM or a booking system delivers to this system: it says that a record changed; the record is then read again. */

export interface WebhookRequest {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
export type ChangedEntity = 'contact' | 'lead' | 'deal' | 'task' | 'appointment';
export interface VendorChange {
  readonly entity: ChangedEntity;
  readonly id: string;
  readonly change: 'created' | 'updated' | 'deleted';
}
export interface Webhooks {
  /**
   * Verifies a delivery by what the provider has (a signature, a token, the id of the account) and reads it. The secret of the address
   * has been verified. Entities that the contracts do not know are left out; a delivery without any is [].
   * @throws PolybError permission_denied/bad_signature; invalid_argument/bad_body.
   */
  read(request: WebhookRequest): readonly VendorChange[];
}
/** A record of a CRM as far as changes need it. */
export interface RecordState {
  /** Unix ms of the last change, as the CRM says. */
  readonly changedAt: number | null;
  /** Differs after each change, where the CRM does not say when a record changed. */
  readonly version?: string;
  /** Of a lead: a status of the contract, or the CRM's own where none is mapped to it. */
  readonly status: string | null;
}
