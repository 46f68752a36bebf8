/** A control message that makes sense. */
export type ControlRequest =
  | { readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE'; readonly id: number; readonly streams: readonly string[] }
  | { readonly method: 'LIST_SUBSCRIPTIONS'; readonly id: number }
  | { readonly method: 'SET_PROPERTY'; readonly id: number; readonly combined: boolean }
  | { readonly method: 'GET_PROPERTY'; readonly id: number };

export const METHODS = [
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'LIST_SUBSCRIPTIONS',
  'SET_PROPERTY',
  'GET_PROPERTY',
] as const satisfies readonly ControlRequest['method'][];

/** A control message that the exchange refuses, in its words. */
export class RequestError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }

  /** The documented form: bare, without the id of the request. */
  get body(): string {
    return JSON.stringify({ code: this.code, msg: this.message });
  }
}

/** Reads one text message. Throws a `RequestError` with the documented code and text. */
export function parseRequest(text: string): ControlRequest {
  const message = parseJson(text);
  const { method, id, params = [] } = message;
  if (method === undefined) throw invalid(`missing field \`method\` at line 1 column ${text.length}`);
  if (!isMethod(method)) throw unknownVariant(text, method);
  if (!Number.isSafeInteger(id) || (id as number) < 0) throw invalid('request ID must be an unsigned integer');
  const request = { id: id as number };
  switch (method) {
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
      return { ...request, method, streams: streamNames(params) };
    case 'LIST_SUBSCRIPTIONS':
      break;
    case 'SET_PROPERTY':
      return { ...request, method, combined: propertyValue(params) };
    case 'GET_PROPERTY':
      checkProperty(params, 1);
  }
  return { ...request, method };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw new RequestError(3, `Invalid JSON: expected value at ${errorPlace(text, error as SyntaxError)}`);
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw invalid('invalid type, expected struct Request at line 1 column 0');
  }
  return message as Record<string, unknown>;
}

/** V8 names the position of most errors, not of those in a short text. */
function errorPlace(text: string, { message }: SyntaxError): string {
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? 0);
  const before = text.slice(0, position).split('\n');
  return `line ${before.length} column ${(before.at(-1) ?? '').length + 1}`;
}

function isMethod(method: unknown): method is ControlRequest['method'] {
  return (METHODS as readonly unknown[]).includes(method);
}

function unknownVariant(text: string, method: unknown): RequestError {
  const quoted = JSON.stringify(method);
  const column = text.indexOf(quoted) + quoted.length;
  return invalid(
    `unknown variant ${String(method)}, expected one of ${METHODS.join(', ')} at line 1 column ${Math.max(0, column)}`,
  );
}

function streamNames(params: unknown): readonly string[] {
  if (!Array.isArray(params) || params.some((name) => typeof name !== 'string')) {
    throw invalid('stream names must be an array of strings');
  }
  return params as string[];
}

/** `["combined", true]` */
function propertyValue(params: unknown): boolean {
  const [, value] = checkProperty(params, 2);
  if (typeof value !== 'boolean') throw new RequestError(1, 'Invalid value type: expected Boolean');
  return value;
}

function checkProperty(params: unknown, most: number): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(params) ? params : [];
  if (list.length > most) throw invalid('too many parameters');
  if (typeof list[0] !== 'string') throw invalid('property name must be a string');
  if (list[0] !== 'combined') throw new RequestError(0, 'Unknown property');
  return list;
}

function invalid(what: string): RequestError {
  return new RequestError(2, `Invalid request: ${what}`);
}
