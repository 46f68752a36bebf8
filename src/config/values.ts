import { resolve } from 'node:path';
import * as z from 'zod/mini';
import { BYTES_PATTERN, formatBytes, parseBytes } from '../lib/bytes.js';
import { DURATION_PATTERN, formatDuration, parseDuration } from '../lib/duration.js';
import { Secret } from '../lib/secret.js';

// The kinds of value a key can have. The message of every check is what is allowed, so that a problem reads
// `found …, allowed …` whichever of them failed.

const DAY_MS = 86_400_000;
const CONTROL = /\p{Cc}/u;

/** The name of an analyzer or a sink. */
export const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Node fires a timer of 2^31 ms (24.8 days) at once, so what becomes one stays below that. */
const LONGEST_TIMER_MS = 24 * DAY_MS;
const LONGEST_SPAN_MS = 3_650 * DAY_MS;

/** A period or a deadline: something waits for it. Parsed into milliseconds. */
export const timer = () => durationUpTo(LONGEST_TIMER_MS);

/** An age or a retention, compared and never waited for. Parsed into milliseconds. */
export const span = () => durationUpTo(LONGEST_SPAN_MS);

function durationUpTo(longestMs: number) {
  const error = `a duration from 1ms to ${formatDuration(longestMs)}, such as 250ms 2s 5m 1h 7d`;
  const fits = (text: string) => {
    const durationMs = parseDuration(text);
    return durationMs !== null && durationMs >= 1 && durationMs <= longestMs;
  };
  return z.pipe(
    z.string({ error }).check(z.regex(DURATION_PATTERN, { error }), z.refine(fits, { error })),
    z.transform((text) => parseDuration(text) as number),
  );
}

/** A size, parsed into bytes. */
export function size(smallestBytes: number, largestBytes: number) {
  const error = `a size from ${formatBytes(smallestBytes)} to ${formatBytes(largestBytes)}, such as 512KiB 64MiB 1GiB`;
  const fits = (text: string) => {
    const sizeBytes = parseBytes(text);
    return sizeBytes !== null && sizeBytes >= smallestBytes && sizeBytes <= largestBytes;
  };
  return z.pipe(
    z.string({ error }).check(z.regex(BYTES_PATTERN, { error }), z.refine(fits, { error })),
    z.transform((text) => parseBytes(text) as number),
  );
}

export function whole(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).check(z.gte(least, { error }), z.lte(most, { error }));
}

/** A number in (0, 1]. */
export function share() {
  const error = 'a number above 0 and at most 1';
  return z.number({ error }).check(z.gt(0, { error }), z.lte(1, { error }));
}

export function numberBetween(least: number, most: number) {
  const error = `a number from ${least} to ${most}`;
  return z.number({ error }).check(z.gte(least, { error }), z.lte(most, { error }));
}

export const flag = () => z.boolean({ error: 'true or false' });

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });
}

export function text(pattern: RegExp, error: string) {
  return z.string({ error }).check(z.regex(pattern, { error }));
}

export function list<T extends z.core.$ZodType>(element: T, of: string) {
  return z.array(element, { error: `a list of ${of}` });
}

/** A file or folder, made absolute against the working directory. */
export function path() {
  const error = 'a path that is not empty and does not begin with ~, which only a shell expands';
  return z.pipe(
    z
      .string({ error })
      .check(z.refine((value) => value !== '' && !value.startsWith('~') && !CONTROL.test(value), { error })),
    z.transform((value) => resolve(value)),
  );
}

/** An address without path, query or credentials, normalised to scheme, host and port. */
export function baseUrl(scheme: 'http' | 'ws') {
  const error = `${scheme}://host:port or ${scheme}s://host:port, without path or credentials`;
  const pattern = new RegExp(`^${scheme}s?://[^/?#@\\s]+/?$`);
  return z.pipe(
    z.string({ error }).check(
      z.regex(pattern, { error, abort: true }),
      z.refine((value) => URL.canParse(value), { error }),
    ),
    z.transform((value) => new URL(value).origin),
  );
}

/** What must come from the environment; marked `writeOnly`, which is how JSON Schema names a secret. */
export function secret(pattern: RegExp, error: string) {
  const schema = z.pipe(
    text(pattern, error),
    z.transform((value) => new Secret(value)),
  );
  schema.register(z.globalRegistry, { writeOnly: true });
  return schema;
}

/** Refuses a list that names something twice. */
export function distinct<T>(nameOf: (item: T) => string, error: string) {
  return z.refine<T[]>((items) => new Set(items.map(nameOf)).size === items.length, { error });
}
