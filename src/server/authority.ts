import { isIPv6 } from 'node:net';

/** The host and port of a `Host` header, an origin or a request target. */
export interface Authority {
  /** As `normalHost` writes it. */
  readonly host: string;
  readonly port: number | null;
}

const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const ORIGIN = /^(https?):\/\/([^/]+)$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Null for anything but `host`, `host:port`, `[ipv6]` and `[ipv6]:port`. */
export function parseAuthority(text: string): Authority | null {
  const match = AUTHORITY.exec(text);
  if (match?.[1] === undefined) return null;
  const bracketed = match[1].startsWith('[');
  const name = bracketed ? match[1].slice(1, -1) : match[1];
  if (bracketed && !isIPv6(name)) return null;
  return { host: normalHost(name), port: match[2] === undefined ? null : Number(match[2]) };
}

/**
 * One spelling of a host: lower case, without the dot that ends a fully qualified name, IPv6 without brackets in its
 * shortest form. IPv4 has one spelling only: `127.1` stays what it is, and so is on no list.
 */
export function normalHost(host: string): string {
  if (isIPv6(host)) return new URL(`http://[${host}]`).hostname.slice(1, -1);
  return host.toLowerCase().replace(/\.$/, '');
}

/** One spelling of an origin, its port always given; null for what is no http or https origin, such as `null`. */
export function normalOrigin(text: string): string | null {
  const match = ORIGIN.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  const scheme = match[1].toLowerCase();
  const authority = parseAuthority(match[2]);
  return authority && originOf(scheme, authority.host, authority.port ?? DEFAULT_PORTS[scheme]);
}

export function originOf(scheme: string, host: string, port: number | undefined): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
