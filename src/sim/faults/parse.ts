import type { z } from 'zod';
import { UsageError } from '../../domain/errors.js';

const LONGEST_SHOWN = 200;

/** One rule or a list of them. Throws a `UsageError` that names the place, what was found and what is allowed. */
export function parseRules<T extends z.ZodType>(schema: T, input: unknown, what: string): z.output<T>[] {
  const list: unknown[] = Array.isArray(input) ? input : [input];
  return list.map((rule, index) => {
    const parsed = schema.safeParse(rule);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`;
    throw new UsageError(`${what} ${index}${place}: ${issue?.message ?? 'invalid'}, found ${shown(rule)}`);
  });
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
