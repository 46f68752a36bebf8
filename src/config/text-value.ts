import type * as z from 'zod/mini';
import { KEYS, notationOf } from './keys.js';
import type { Problems } from './problems.js';
import type { Assignment, Origin } from './sources.js';
import { parseYaml } from './yaml-text.js';

const NUMBER = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Adds an assignment whose value is written as text. */
export function assignText(
  { key, text, origin }: { readonly key: string; readonly text: string; readonly origin: Origin },
  assignments: Assignment[],
  problems: Problems,
): void {
  const schema = KEYS.get(key);
  if (schema === undefined) throw new TypeError(`${key} is not a key`);
  try {
    assignments.push({ key, value: valueOfText(text, schema), origin });
  } catch (error) {
    if (!(error instanceof TextValueError)) throw error;
    problems.add(origin.place(), key, error.message);
  }
}

/**
 * The value that a text in a variable or an option stands for, by what the key holds: numbers and `true`/`false` as
 * such, a list as `a,b,c` or in YAML/JSON flow form (`[a, b]`), everything else verbatim; `null` where there may be
 * none. What does not fit stays text, so that the schema names it. Throws `TextValueError` when a flow form is
 * wrong.
 */
function valueOfText(text: string, key: z.core.$ZodType): unknown {
  const { notation, nullable } = notationOf(key);
  if (nullable && text === 'null') return null;
  if (notation === 'number') return NUMBER.test(text) ? Number(text) : text;
  if (notation === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (notation === 'text') return text;
  if (/^\s*[[{]/.test(text)) return flowValue(text);
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
}

class TextValueError extends Error {}

function flowValue(text: string): unknown {
  const { document, defects } = parseYaml(text);
  const [defect] = defects;
  if (defect !== undefined) throw new TextValueError(`${defect.text} at ${defect.place}`);
  return document.toJSON();
}
