import type { IncomingMessage } from 'node:http';
import { normalHost, normalOrigin, originOf, parseAuthority } from './authority.js';
import { MAX_URL_CHARACTERS } from './limits.js';
import type { Problem } from './problem.js';

export interface GateRules {
  /** Host names without port. */
  readonly allowedHosts: readonly string[];
  /** Origins, or host names that stand for this server's own origin under that name. */
  readonly allowedOrigins: readonly string[];
}

const ABSOLUTE_FORM = /^http:\/\/([^/?#]*)(.*)$/i;
const BODYLESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const WRONG_HOST: Problem = {
  status: 421,
  detail: 'Host: this server does not answer to that name; allowed are the names of server.allowedHosts, with its port',
};
const NO_HOST: Problem = { status: 400, detail: 'Host: found none, one is needed' };
const WRONG_ORIGIN: Problem = {
  status: 403,
  detail: 'Origin: web pages of that origin may not call; allowed are none and those of server.allowedOrigins',
};
const WRONG_TARGET: Problem = { status: 400, detail: 'request target: allowed is a path' };
const LONG_TARGET: Problem = { status: 414, detail: `request target: allowed are ${MAX_URL_CHARACTERS} characters` };
const UNWANTED_BODY: Problem = { status: 400, detail: 'body: allowed is none with this method' };

/**
 * Who may talk to the server at all, decided before the request is routed, so that no path slips past: a page that a
 * browser was lured to must not reach it under another name (DNS rebinding) nor from another origin.
 */
export class Gate {
  #hosts: ReadonlySet<string> = new Set();
  #origins: ReadonlySet<string> = new Set();
  #ownNames: ReadonlySet<string> = new Set();
  #refusedHosts = 0;
  #refusedOrigins = 0;

  constructor(rules: GateRules) {
    this.use(rules);
  }

  use({ allowedHosts, allowedOrigins }: GateRules): void {
    this.#hosts = new Set(allowedHosts.map(normalHost));
    this.#origins = new Set(allowedOrigins.flatMap((entry) => normalOrigin(entry) ?? []));
    this.#ownNames = new Set(allowedOrigins.filter((entry) => normalOrigin(entry) === null).map(normalHost));
  }

  /** The reason to refuse, or null. A target in absolute form is replaced by its path. */
  check(request: IncomingMessage): Problem | null {
    const target = targetOf(request.url ?? '');
    if (target === null) return WRONG_TARGET;
    const { hosts, origins } = namesOf(request);
    if (hosts.length === 0) return NO_HOST;
    const port = request.socket.localPort;
    // RFC 9112 lets the authority of the target rule over Host: both must be ours.
    const named = target.authority === null ? hosts : [...hosts, target.authority];
    if (hosts.length > 1 || !named.every((host) => this.#isOurs(host, port))) {
      this.#refusedHosts += 1;
      return WRONG_HOST;
    }
    if (origins.length > 1 || !origins.every((origin) => this.#mayCall(origin, port))) {
      this.#refusedOrigins += 1;
      return WRONG_ORIGIN;
    }
    if (target.path.length > MAX_URL_CHARACTERS) return LONG_TARGET;
    if (BODYLESS.has(request.method ?? '') && announcesBody(request)) return UNWANTED_BODY;
    request.url = target.path;
    return null;
  }

  stats() {
    return { refusedHosts: this.#refusedHosts, refusedOrigins: this.#refusedOrigins };
  }

  #isOurs(text: string, ownPort: number | undefined): boolean {
    const authority = parseAuthority(text);
    if (authority === null || (authority.port !== null && authority.port !== ownPort)) return false;
    return this.#hosts.has(authority.host);
  }

  #mayCall(text: string, ownPort: number | undefined): boolean {
    const origin = normalOrigin(text);
    if (origin === null) return false;
    if (this.#origins.has(origin)) return true;
    return [...this.#ownNames].some((name) => originOf('http', name, ownPort) === origin);
  }
}

/** The parts of a request target in origin form or absolute form; null for any other. */
function targetOf(url: string): { readonly authority: string | null; readonly path: string } | null {
  if (url.startsWith('/')) return { authority: null, path: url };
  const [, authority, rest] = ABSOLUTE_FORM.exec(url) ?? [];
  if (authority === undefined || rest === undefined) return null;
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** From the raw list: the parsed headers keep one of two, and `headersDistinct` throws on `__proto__` (CVE-2026-21710). */
function namesOf({ rawHeaders }: IncomingMessage): { hosts: string[]; origins: string[] } {
  const hosts: string[] = [];
  const origins: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase();
    if (name === 'host') hosts.push(rawHeaders[index + 1] ?? '');
    else if (name === 'origin') origins.push(rawHeaders[index + 1] ?? '');
  }
  return { hosts, origins };
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}
