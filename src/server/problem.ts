import { STATUS_CODES } from 'node:http';

export const PROBLEM_TYPE = 'application/problem+json';

/** No error needs more, and what a client made up must not come back at length. */
const LONGEST_PROBLEM_BYTES = 1024;

/** A part of the request that was wrong: the place, what was found, what is allowed. */
export interface FieldError {
  readonly in: 'query' | 'path' | 'body';
  readonly name: string;
  readonly found: string;
  readonly allowed: string;
}

/** What is told instead of a result. `errors` may be cut to keep it short, `extension` may not. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of its own, beside those of RFC 9457. */
  readonly extension?: Readonly<Record<string, unknown>>;
}

/** Thrown by a handler to answer with a problem. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The body of a problem (RFC 9457), at most 1 KiB unless its extension alone is longer. */
export function problemBody({ status, detail, errors = [], extension }: Problem): string {
  const shown = [...errors];
  for (;;) {
    const body = JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      ...(shown.length > 0 && { errors: shown }),
      ...extension,
    });
    if (shown.length === 0 || Buffer.byteLength(body) <= LONGEST_PROBLEM_BYTES) return body;
    shown.pop();
  }
}

/** Asks the client to come back after `delayMs`. */
export function tooMany(detail: string, delayMs: number): Problem {
  return { status: 429, detail, headers: retryAfter(delayMs) };
}

/** What would be served at another time, after `delayMs` perhaps. */
export function unavailable(detail: string, delayMs: number, extension: NonNullable<Problem['extension']>): Problem {
  return { status: 503, detail, headers: retryAfter(delayMs), extension };
}

/** In whole seconds. */
function retryAfter(delayMs: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(delayMs / 1_000))) };
}
