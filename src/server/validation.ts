import type { FastifySchemaCompiler, FastifyTypeProvider } from 'fastify';
import * as z from 'zod/mini';
import type { FieldError } from './problem.js';

/** Gives handlers the types of the schemas of their routes. */
export interface ZodTypes extends FastifyTypeProvider {
  readonly validator: this['schema'] extends z.core.$ZodType ? z.output<this['schema']> : unknown;
  /** Replies are data of the ports, which have types of their own. */
  readonly serializer: unknown;
}

/** What was wrong with a part of a request. */
export class InvalidInput extends Error {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super('the request is not valid');
    this.errors = errors;
  }
}

const PLACES: Readonly<Record<string, FieldError['in']>> = { querystring: 'query', params: 'path', body: 'body' };

/**
 * Compiles a schema into what fastify checks a part of a request with. `show` writes what was found, because not
 * everything may be repeated.
 */
export function validatorCompiler(show: (found: string) => string): FastifySchemaCompiler<z.ZodMiniType> {
  return ({ schema, httpPart }) => {
    const place = PLACES[httpPart ?? ''] ?? 'body';
    const allowedNames = schema instanceof z.ZodMiniObject ? Object.keys(schema.shape) : [];
    return (data: unknown) => {
      const parsed = z.safeParse(schema, data);
      if (parsed.success) return { value: parsed.data };
      return { error: new InvalidInput(parsed.error.issues.flatMap((issue) => fieldErrors(issue, data))) };
    };

    function fieldErrors(issue: z.core.$ZodIssue, data: unknown): FieldError[] {
      if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownName(name));
      const name = String(issue.path[0] ?? '');
      const found = name === '' ? data : (data as Readonly<Record<string, unknown>>)[name];
      return [{ in: place, name, found: describe(found, show), allowed: issue.message }];
    }

    function unknownName(name: string): FieldError {
      const allowed = allowedNames.length === 0 ? 'no parameters' : allowedNames.join(' ');
      return { in: place, name: show(name), found: 'an unknown name', allowed };
    }
  };
}

function describe(found: unknown, show: (found: string) => string): string {
  if (typeof found === 'string') return found === '' ? 'an empty text' : show(found);
  if (Array.isArray(found)) return `${found.length} values`;
  return found === undefined || found === null ? 'nothing' : `a JSON ${typeof found}`;
}
