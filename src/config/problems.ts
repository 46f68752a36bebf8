import { ConfigError } from '../domain/errors.js';

/** What a key leads to inside its value: list indexes and names of fields. */
export type Path = readonly (string | number)[];

/** Collects what is wrong with a configuration, so that one start reports all of it, a line each. */
export class Problems {
  readonly #lines: string[] = [];
  readonly #seen = new Set<string>();

  /** `place` is a file with line and column, a variable or an option. Only the first problem of a key at a place is kept. */
  add(place: string, key: string | null, text: string): void {
    const head = key === null ? place : `${place}: ${key}`;
    if (key !== null && this.#seen.has(head)) return;
    this.#seen.add(head);
    this.#lines.push(`${head}: ${text}`);
  }

  /** Throws `ConfigError` with a line per problem, when there is one. */
  throwIfAny(): void {
    if (this.#lines.length > 0) throw new ConfigError(this.#lines.join('\n'));
  }
}

/** The key with the way into its value: `notify.sinks[0].type`. */
export function joinPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** Where a secret may stand, or a value that contains one. Of a sink only what cannot be secret is shown. */
const HIDDEN =
  /^(server(\.token)?|notify(\.sinks(\[\d+\](\.(?!(name|type|path|statuses|minStrength|analyzers)\b).*)?)?)?)$/;
const LONGEST_SHOWN = 60;

/** A value for a message: recognisable, on one line, and never a secret. */
export function showFound(value: unknown, key: string): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return showList(value, key);
  if (typeof value === 'object' && value !== null) return 'a map';
  if (typeof value !== 'string') return `${value as number | boolean | null}`;
  if (HIDDEN.test(key)) return value === '' ? 'an empty text' : 'a text (not shown)';
  const shown = withoutAddressDetails(value);
  return JSON.stringify(shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}…` : shown);
}

function showList(items: readonly unknown[], key: string): string {
  if (items.length === 0) return 'an empty list';
  const shown = `[${items.map((item) => showFound(item, key)).join(', ')}]`;
  return HIDDEN.test(key) || shown.length > LONGEST_SHOWN ? `a list of ${items.length}` : shown;
}

/** Credentials hide in the user part, the path and the query of an address. */
function withoutAddressDetails(value: string): string {
  return value.replace(/(\w+:\/\/)([^@\s]*@)?([^/?#\s]*)([/?#]\S+)?/g, (_, scheme: string, user, host: string, rest) =>
    [scheme, user === undefined ? '' : '***@', host, rest === undefined ? '' : '/***'].join(''),
  );
}
