/**
 * Whether a URL's host is a literal of this machine or of a private network. Names are not resolved: what they resolve
 * to is kept out by `global_fetch_strictly_public` at the edge, and by workerd's network allow-list locally.
 *
 * @param hostname as `URL` gives it: lower-case, IPv4 in dotted decimals, IPv6 compressed and in brackets
 */
export function isPrivateAddress(hostname: string): boolean {
  if (hostname.startsWith('[')) return isPrivateIpv6(hostname.slice(1, -1));
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(name)) return isPrivateIpv4(name.split('.').map(Number));
  return name === 'localhost' || LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/** RFC 6761, RFC 6762, RFC 8375 and ICANN's reservation of `internal`. */
const LOCAL_SUFFIXES = ['.localhost', '.local', '.internal', '.home.arpa'];

/** The IANA registry of special-purpose addresses: everything that is not globally reachable. */
function isPrivateIpv4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 198 && (b === 18 || b === 19)) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113) ||
    a >= 224
  );
}

/** Only 2000::/3 is global unicast; within it an IPv4 address may hide (6to4, 64:ff9b::/96 is outside anyway). */
function isPrivateIpv6(address: string): boolean {
  const first = Number.parseInt(address.split(':')[0] || '0', 16);
  if (first < 0x2000 || first > 0x3fff) return true;
  if (address.startsWith('2001:db8:') || address.startsWith('2001:0:') || address.startsWith('2001::')) return true;
  return first === 0x2002;
}
