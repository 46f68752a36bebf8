import type * as z from 'zod/mini';
import { nearest } from './nearest.js';
import { schema } from './schema.js';

/** Every schema of zod carries its definition; only the type of a shape's parts does not say so. */
type Defined = z.core.$ZodType & { readonly def: z.core.$ZodTypes['_zod']['def'] };

const definition = (of: z.core.$ZodType) => (of as Defined).def;

/** Every key by its dotted path, with its schema. */
export const KEYS: ReadonlyMap<string, z.core.$ZodType> = new Map(
  Object.entries(schema.shape).flatMap(([name, part]): [string, z.core.$ZodType][] => {
    const shape = sectionShape(part);
    if (shape === null) return [[name, part]];
    return Object.entries(shape).map(([key, leaf]) => [`${name}.${key}`, leaf]);
  }),
);

export const SECTIONS: ReadonlySet<string> = new Set(
  Object.entries(schema.shape)
    .filter(([, part]) => sectionShape(part) !== null)
    .map(([name]) => name),
);

function sectionShape(part: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | null {
  const def = definition(part);
  if (def.type === 'pipe') return sectionShape(def.in);
  return def.type === 'object' ? def.shape : null;
}

/** How a value is written where only text can be: a variable or an option. */
type Notation = 'text' | 'number' | 'boolean' | 'list';

interface KeyNotation {
  readonly notation: Notation;
  /** Whether `null` means "none". */
  readonly nullable: boolean;
}

export function notationOf(key: z.core.$ZodType): KeyNotation {
  const def = definition(key);
  if (def.type === 'nullable') return { ...notationOf(def.innerType), nullable: true };
  if (def.type === 'pipe') return notationOf(def.in);
  if (def.type === 'number' || def.type === 'boolean') return { notation: def.type, nullable: false };
  return { notation: def.type === 'array' ? 'list' : 'text', nullable: false };
}

/** What to say of a key that does not exist. `spell` writes a key the way its source does. */
export function unknownKey(key: string, spell: (key: string) => string = (known) => known): string {
  const near = nearest(key, [...KEYS.keys(), ...SECTIONS]);
  if (near !== null) return `unknown key, did you mean ${spell(near)}?`;
  const section = key.split('.')[0] ?? '';
  const known = SECTIONS.has(section)
    ? keysOf(section)
    : [...SECTIONS, ...[...KEYS.keys()].filter((name) => !name.includes('.'))];
  return `unknown key, allowed: ${known.join(', ')}`;
}

/** The names of the keys in a section. */
export function keysOf(section: string): string[] {
  return [...KEYS.keys()].filter((key) => key.startsWith(`${section}.`)).map((key) => key.slice(section.length + 1));
}

/** Values by key as the tree that a file has: sections of keys, and the keys that belong to none. */
export function asTree(values: Iterable<readonly [key: string, value: unknown]>): Record<string, unknown> {
  const tree: Record<string, unknown> = Object.fromEntries([...SECTIONS].map((section) => [section, {}]));
  for (const [key, value] of values) {
    const [section = '', name] = key.split('.');
    if (name === undefined) tree[section] = value;
    else (tree[section] as Record<string, unknown>)[name] = value;
  }
  return tree;
}
