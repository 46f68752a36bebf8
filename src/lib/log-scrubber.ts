import { MASK, Secret } from './secret.js';

/** Shorter values are no secrets, and hiding them would leave no text readable. */
const SHORTEST_SECRET = 4;
/** Encoded forms, and parts of an address, that are shorter occur by chance. */
const SHORTEST_FORM = 6;
/** Parts of an address that say nothing are shorter than this or have no digit (`/services/`, `/webhooks/`). */
const SHORTEST_SEGMENT = 8;

/** What gives access wherever it stands, known or not; each linear in the length of the text. */
const CREDENTIALS: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/(:\/\/)[^\s/?#@"'<>]+@/g, `$1${MASK}@`],
  [/\b(authorization["']?\s?[:=]\s?["']?(?:\w+\s)?)[^\s"',}]+/gi, `$1${MASK}`],
  [/\b(bearer\s)[\w.~+/=-]{8,}/gi, `$1${MASK}`],
  [/([?&][\w-]{0,40}?(?:token|key|secret|signature|password)=)[^&\s#"'<>]+/gi, `$1${MASK}`],
];
/** All of them need one of these, which most texts do not have. */
const MAY_HOLD_CREDENTIALS = /@|=|authorization|bearer/i;

/** Replaces known secrets in text by `***`, also where they stand encoded, escaped or as a part of an address. */
export class Scrubber {
  readonly #forms = new Set<string>();
  #pattern: RegExp | null = null;
  #longest = 0;

  /** Length of the longest form that is looked for: a piece cut out of a text may end in one shorter than this. */
  get longest(): number {
    return this.#longest;
  }

  add(secrets: Iterable<Secret>): void {
    for (const secret of secrets) {
      for (const value of [secret.reveal(), ...partsOfAddress(secret.reveal())]) {
        for (const form of formsOf(value)) this.#forms.add(form);
      }
    }
    // Where one form contains another the longer one has to be tried first.
    const forms = [...this.#forms].toSorted((a, b) => b.length - a.length);
    this.#longest = forms[0]?.length ?? 0;
    this.#pattern = forms.length === 0 ? null : new RegExp(forms.map(escaped).join('|'), 'gi');
  }

  scrub(text: string): string {
    let shown = this.#pattern === null ? text : text.replace(this.#pattern, MASK);
    if (!MAY_HOLD_CREDENTIALS.test(shown)) return shown;
    for (const [pattern, replacement] of CREDENTIALS) shown = shown.replace(pattern, replacement);
    return shown;
  }
}

/** Every `Secret` in a value, such as a configuration, at any depth. */
export function secretsIn(value: unknown, seen = new Set<object>()): Secret[] {
  if (value instanceof Secret) return [value];
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  return Object.values(value).flatMap((inner) => secretsIn(inner, seen));
}

/** The ways in which a value shows up in logs. Case is not looked at, so that `%2f` and `%2F` are one form. */
function formsOf(value: string): string[] {
  if (value.length < SHORTEST_SECRET) return [];
  const bytes = Buffer.from(value);
  const wellFormed = bytes.toString();
  const inUrl = encodeURIComponent(wellFormed);
  const inJson = JSON.stringify(value).slice(1, -1);
  const encoded = [
    inUrl,
    encodeURIComponent(inUrl),
    encodeURI(wellFormed),
    new URLSearchParams([['', value]]).toString().slice(1),
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    ...[0, 1, 2].flatMap((offset) => base64Core(bytes, offset)),
  ];
  return [value, ...encoded.filter((form) => form.length >= SHORTEST_FORM)];
}

/**
 * The base64 digits of `bytes` that do not depend on what stands around them in a longer encoded text, when they begin
 * `offset` bytes behind a multiple of three (`user:secret` of Basic authentication), in both alphabets (RFC 4648).
 */
function base64Core(bytes: Buffer, offset: number): string[] {
  const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + bytes.length) * 8) / 6);
  const core = digits.slice(from, to);
  return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
}

/** A secret address is rarely logged whole: an error names its path, a header its credentials. */
function partsOfAddress(value: string): string[] {
  if (!/^\w+:\/\//.test(value) || !URL.canParse(value)) return [];
  const { href, pathname, search, searchParams, username, password } = new URL(value);
  const segments = pathname.split('/').filter((part) => part.length >= SHORTEST_SEGMENT && /\d/.test(part));
  const path = pathname.length >= SHORTEST_SEGMENT ? [pathname + search, pathname] : [];
  const parts = [username, password, ...segments].flatMap((part) => [part, decoded(part)]);
  return [href, ...path, ...parts, ...searchParams.values()].filter((part) => part.length >= SHORTEST_FORM);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
