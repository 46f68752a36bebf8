import { types } from 'node:util';
import type { Scrubber } from './log-scrubber.js';
import { MASK } from './secret.js';

// What one line may hold; a reply of 300 MB hanging on an error becomes a line of some kilobytes.
const MAX_TEXT = 2_048;
const MAX_LINE_TEXT = 32_768;
const MAX_NAME = 100;
const MAX_DEPTH = 8;
const MAX_ITEMS = 50;
const MAX_VALUES = 1_000;
/** Credentials of unknown length that a cut might halve, so that they are not recognised. */
const CUT_MARGIN = 256;

/** Names, compared without case and separators, whose values are nobody's business: `x-api-key`, `Set-Cookie`, `botToken`. */
const SECRET_NAME = /(authorization|cookie|token|secret|password|passwd|passphrase|apikey|privatekey|credentials?)$/;

type Fields = Record<string, unknown>;

/**
 * A copy of what is to be logged, as plain JSON values: secrets hidden, texts and lists cut, errors with their causes,
 * bytes as their count. Whatever throws when it is read becomes a text that says so.
 */
export function loggable(fields: object, scrubber: Scrubber): Fields {
  const copy = new Copy(scrubber).value(fields);
  if (typeof copy !== 'object' || copy === null || Array.isArray(copy)) return { value: copy };
  return isError(fields) ? { err: copy } : (copy as Fields);
}

/** A text as it may be shown: secrets hidden, cut to a size that a line may have, no control characters but line breaks. */
export function loggableText(text: string, scrubber: Scrubber, most = MAX_TEXT): string {
  const margin = Math.max(CUT_MARGIN, scrubber.longest);
  const isCut = text.length > most + margin;
  const scrubbed = scrubber.scrub(isCut ? text.slice(0, most + margin) : text).replace(/[^\P{Cc}\n\t]/gu, '�');
  // The end of a piece may be the beginning of a secret, and a replacement moves it forward.
  const certain = isCut ? scrubbed.slice(0, -margin) : scrubbed;
  if (!isCut && certain.length <= most) return certain;
  return `${certain.slice(0, most)}… (${text.length} characters)`;
}

class Copy {
  readonly #scrubber: Scrubber;
  readonly #around: object[] = [];
  #textLeft = MAX_LINE_TEXT;
  #valuesLeft = MAX_VALUES;

  constructor(scrubber: Scrubber) {
    this.#scrubber = scrubber;
  }

  /** Undefined for what JSON leaves out. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number' || typeof value === 'bigint') return this.#number(value);
    if (typeof value === 'boolean' || value === null) return value;
    return typeof value === 'object' ? this.#object(value) : undefined;
  }

  /** The own enumerable properties, as JSON has them. */
  #fields(object: object): Fields {
    return this.#inside(object, () => {
      // Without a prototype `__proto__` is a name like any other.
      const copy = Object.create(null) as Fields;
      const names = Object.keys(object);
      for (const name of names.slice(0, MAX_ITEMS)) {
        const value = this.#property(object, name);
        if (value !== undefined) copy[this.#text(name, MAX_NAME)] = value;
      }
      if (names.length > MAX_ITEMS) copy['…'] = `${names.length - MAX_ITEMS} more`;
      return copy;
    });
  }

  #object(object: object): unknown {
    if (this.#around.includes(object)) return '[circular]';
    this.#valuesLeft -= 1;
    if (this.#around.length >= MAX_DEPTH || this.#valuesLeft < 0) return '[…]';
    try {
      if (isError(object)) return this.#error(object);
      if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return `[${object.byteLength} bytes]`;
      if (Array.isArray(object)) return this.#list(object);
      if ('toJSON' in object && typeof object.toJSON === 'function') {
        const convertible = object as { toJSON(): unknown };
        return this.#inside(object, () => this.value(convertible.toJSON()));
      }
      return this.#fields(object);
    } catch (error) {
      return this.#unreadable(error);
    }
  }

  #list(list: readonly unknown[]): unknown[] {
    return this.#inside(list, () => {
      const copy = list.slice(0, MAX_ITEMS).map((item) => this.value(item) ?? null);
      return list.length > MAX_ITEMS ? [...copy, `… (${list.length} items)`] : copy;
    });
  }

  /** What the language hides of an error first, then what its class adds, such as `code` or the url it was about. */
  #error(error: object): Fields {
    const copy = Object.create(null) as Fields;
    for (const name of ['name', 'message', 'stack']) {
      const value = this.#property(error, name);
      if (value !== undefined) copy[name === 'name' ? 'type' : name] = value;
    }
    Object.assign(copy, this.#fields(error));
    this.#inside(error, () => {
      for (const name of ['cause', 'errors']) {
        const value = this.#property(error, name);
        if (value !== undefined) copy[name] = value;
      }
    });
    return copy;
  }

  #property(object: object, name: string): unknown {
    try {
      const value = (object as Fields)[name];
      const isSecret = SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ''));
      return isSecret && value !== null && typeof value !== 'boolean' ? value && MASK : this.value(value);
    } catch (error) {
      return this.#unreadable(error);
    }
  }

  #inside<T>(object: object, copy: () => T): T {
    this.#around.push(object);
    try {
      return copy();
    } finally {
      this.#around.pop();
    }
  }

  /** A number unless it is a secret, such as a PIN; bigints, which JSON does not have, are texts. */
  #number(value: number | bigint): unknown {
    const text = String(value);
    const shown = this.#text(text);
    return shown === text && typeof value === 'number' ? value : shown;
  }

  #text(text: string, most = MAX_TEXT): string {
    if (this.#textLeft <= 0) return '…';
    const shown = loggableText(text, this.#scrubber, Math.min(most, this.#textLeft));
    this.#textLeft -= shown.length;
    return shown;
  }

  #unreadable(error: unknown): string {
    return this.#text(`[unreadable: ${isError(error) ? error.message : typeof error}]`);
  }
}

/** Also for an error of another realm: a worker's, a `vm` context's. */
function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}
