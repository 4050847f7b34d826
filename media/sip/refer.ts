/** REFER and Replaces: transfers (RFC 3515, RFC 3891, RFC 3892). */
import type { Call, ReplacedDialog } from './call.ts';
import { header, type SipRequest } from './message.ts';
import { formatUri, paramsOf, parseNameAddress, parseUri } from './uri.ts';

/** The value of Refer-To; with a call it asks the peer to take this side's place in that call. */
export function referTo(uri: string, replaces?: Call): string {
  if (!replaces) return `<${uri}>`;
  const { callId, localTag, remoteTag, remoteTarget } = replaces.dialog();
  // Tags from the view of the side that will receive the INVITE.
  const value = encodeURIComponent(`${callId};to-tag=${remoteTag ?? ''};from-tag=${localTag}`);
  return `<${uri === '' ? remoteTarget : uri}?Replaces=${value}>`;
}

/** The referral in a REFER; null if it names nothing that can be called. */
export function readReferral(
  request: SipRequest,
): { readonly to: string; readonly replaces: ReplacedDialog | null; readonly referredBy: string | null } | null {
  const target = parseNameAddress(header(request, 'Refer-To') ?? '');
  const uri = target ? parseUri(target.uri) : null;
  if (!uri) return null;
  let replaces: ReplacedDialog | null = null;
  for (const part of uri.headers.split('&')) {
    const equals = part.indexOf('=');
    if (part.slice(0, Math.max(0, equals)).toLowerCase() === 'replaces') replaces = readReplaces(unescaped(part.slice(equals + 1)));
  }
  const by = parseNameAddress(header(request, 'Referred-By') ?? '');
  return { to: formatUri({ ...uri, headers: '' }), replaces, referredBy: by?.uri ?? null };
}

/** The value of Replaces: `call-id;to-tag=a;from-tag=b`. */
export function readReplaces(value: string): (ReplacedDialog & { readonly isEarlyOnly: boolean }) | null {
  const [callId = '', ...rest] = value.split(';');
  const params = paramsOf(rest);
  const localTag = params.get('to-tag');
  const remoteTag = params.get('from-tag');
  if (callId.trim() === '' || !localTag || !remoteTag) return null;
  return { callId: callId.trim(), localTag, remoteTag, isEarlyOnly: params.has('early-only') };
}
export function formatReplaces({ callId, localTag, remoteTag }: ReplacedDialog): string {
  return `${callId};to-tag=${localTag};from-tag=${remoteTag}`;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not escaped, as some peers write it
  }
}
