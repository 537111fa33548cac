/**
 * Whether a URL's host is one that only some private network knows. Names are judged by their ending; what they
 * resolve to is the runtime's affair (`global_fetch_strictly_public`).
 *
 * @param hostname as URL gives it: lower-case, IPv4 in its dotted form, IPv6 in brackets
 */
export function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return isPrivateIPv6(ipv6Groups(hostname.slice(1, -1)));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return isPrivateIPv4(ipv4Number(hostname));
  const name = hostname.replace(/\.$/, '');
  return !name.includes('.') || PRIVATE_ENDINGS.some((ending) => name.endsWith(ending));
}

/** RFC 6761, 6762, 8375; `.internal` is ICANN's, and `cluster.local` is of `.local`. */
const PRIVATE_ENDINGS = ['.localhost', '.local', '.internal', '.home.arpa', '.lan', '.intranet', '.corp', '.home'];

/** What IANA's registries of special-purpose addresses do not mark as globally reachable, and multicast. */
const PRIVATE_IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

function isPrivateIPv4(address: number): boolean {
  return PRIVATE_IPV4.some(([network, bits]) => address >>> (32 - bits) === ipv4Number(network) >>> (32 - bits));
}

function ipv4Number(dotted: string): number {
  return dotted.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) >>> 0;
}

/** Only 2000::/3 is global unicast; within it and beside it, forms that carry an IPv4 address are judged by that. */
function isPrivateIPv6(groups: readonly number[]): boolean {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const last = ((g << 16) | h) >>> 0;
  const leading = [a, b, c, d, e].every((group) => group === 0);
  if (leading && (f === 0xffff || f === 0)) return f === 0 || isPrivateIPv4(last);
  if (a === 0x64 && b === 0xff9b && c === 0) return isPrivateIPv4(last);
  if (a === 0x2002) return isPrivateIPv4(((b << 16) | c) >>> 0);
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return true;
  return a >>> 13 !== 1 || (a === 0x3fff && b < 0x1000);
}

function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: zeros }, () => 0), ...last];
}

function groupsOf(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}
