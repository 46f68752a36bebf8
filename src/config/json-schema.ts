import { readFileSync } from 'node:fs';
import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import * as z from 'zod/mini';
import { DEFAULTS_FILE } from './file.js';
import { schema } from './schema.js';
import { parseYaml } from './yaml-text.js';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const SECRET: JsonSchema = { type: 'null', writeOnly: true, description: 'Secret: from the environment only.' };

/**
 * JSON Schema (draft 2020-12) of a configuration file, for editors. Shapes come from the schema, descriptions and
 * defaults from `config/default.yaml`. Every key may be left out, and secrets may not be in a file.
 */
export function configSchema(): JsonSchema {
  const generated = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  const root = withoutSecrets(generated) as JsonSchema;
  const { document } = parseYaml(readFileSync(DEFAULTS_FILE, 'utf8'));
  if (isMap(document.contents)) describe(root, document.contents);
  return {
    ...root,
    title: 'candlescan configuration',
    description: 'Durations are texts such as 250ms 2s 5m 1h 7d, sizes such as 512KiB 64MiB 1GiB; null means none.',
  };
}

/** Gives a map's properties the comments and values of the defaults. */
function describe(target: JsonSchema, defaults: YAMLMap): void {
  // A file may say as little as it wants: the defaults say the rest.
  delete target.required;
  for (const [index, pair] of defaults.items.entries()) {
    const property = target.properties?.[String(pair.key)];
    if (typeof property !== 'object') continue;
    // The parser gives the comment over the first key to the map.
    const comment = commentOf(pair) ?? (index === 0 ? defaults.commentBefore : null);
    if (comment) property.description = lastParagraph(comment);
    if (isMap(pair.value)) describe(property, pair.value);
    else if (property.writeOnly !== true) property.default = (pair.toJSON() as Record<string, never>)[String(pair.key)];
  }
}

function commentOf({ key }: Pair): string | null {
  return (isScalar(key) ? key.commentBefore : null) ?? null;
}

/** The head of the file is a paragraph over the first section's own comment. */
function lastParagraph(comment: string): string {
  const paragraph =
    comment
      .trimEnd()
      .split(/\n *\n/)
      .at(-1) ?? '';
  return paragraph.replace(/\s*\n\s*/g, ' ').trim();
}

/** Replaces what is `writeOnly` by null wherever it stands, and requires none of it. */
function withoutSecrets(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutSecrets);
  if (typeof node !== 'object' || node === null) return node;
  const source = node as JsonSchema;
  if (containsSecret(source)) return { ...SECRET };
  const copy = Object.fromEntries(
    Object.entries(source).map(([name, inner]) => [name, withoutSecrets(inner)]),
  ) as JsonSchema;
  if (copy.required !== undefined && source.properties !== undefined) {
    copy.required = copy.required.filter((name) => !containsSecret(source.properties?.[name]));
  }
  return copy;
}

function containsSecret(node: JsonSchema | boolean | undefined): boolean {
  if (typeof node !== 'object') return false;
  return node.writeOnly === true || (node.anyOf?.some(containsSecret) ?? false);
}
