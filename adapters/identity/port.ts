import type { PersonRole } from '../../contracts/kit/define.ts';

/** Random values of one log-in: the browser keeps them encrypted from its start to its end. */
export interface LogInSecrets {
  readonly state: string;
  readonly nonce: string;
  /** Code verifier of PKCE. */
  readonly verifier: string;
}
/** A person as the provider names them. */
export interface ProvidedPerson {
  /** SHA-256 of the issuer and the subject, 64 hex digits. The provider gives a subject to one person for ever, unlike a login or an e-mail address. */
  readonly identity: string;
  /** Null without a claim that can be a `personId`. */
  readonly login: string | null;
  readonly name: string | null;
  /** Null where none of the person's roles at the provider has a role here. */
  readonly role: PersonRole | null;
}
/**
 * An identity provider that people log in through: the browser goes to its page and comes back with a code.
 * @throws PolybError from every function: unavailable/provider_away, upstream_failed/provider_reply.
 */
export interface IdentityProvider {
  /** As people know it: `Company`. */
  readonly name: string;
  /** The address of the provider's page. It leads back to `returnTo`. */
  start(secrets: LogInSecrets, returnTo: string): Promise<string>;
  /**
   * @param returned The address at which the browser came back, with its query.
   * @throws PolybError permission_denied/provider_refused, permission_denied/provider_second_factor; failed_precondition/log_in_lost for a code that was used or is too old.
   */
  finish(secrets: LogInSecrets, returned: URL): Promise<ProvidedPerson>;
  /** The address at which the session at the provider ends; null if the provider has none. It leads back to `returnTo`. */
  logOutAddress(returnTo: string): Promise<string | null>;
}
