/** Whether a host is this machine by its name or address: `localhost`, 127.0.0.0/8, `::1` (also in brackets, as in a URL), or 127.0.0.0/8 in IPv6. */
export function isLoopback(host: string): boolean {
  return /^(localhost|(::ffff:)?127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
