import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMap, isNode, isScalar, type Pair, type YAMLMap } from 'yaml';
import { KEYS, keysOf, SECTIONS, unknownKey } from './keys.js';
import { type Path, type Problems, showFound } from './problems.js';
import type { Assignment, Origin } from './sources.js';
import { parseYaml, type YamlText } from './yaml-text.js';

/** The defaults: shipped beside the code, at the same distance from `src/config` and `dist/config`. */
export const DEFAULTS_FILE = fileURLToPath(new URL('../../config/default.yaml', import.meta.url));

export function readDefaults(problems: Problems): Assignment[] {
  return readYaml(DEFAULTS_FILE, 'default', problems);
}

/** The assignments of a YAML or JSON file. */
export function readFile(path: string, problems: Problems): Assignment[] {
  return readYaml(path, `file ${path}`, problems);
}

function readYaml(path: string, label: string, problems: Problems): Assignment[] {
  const text = readText(path, problems);
  if (text === null) return [];
  const yaml = parseYaml(text);
  for (const defect of yaml.defects) problems.add(`${path}:${defect.place}`, null, defect.text);
  if (yaml.defects.length > 0) return [];
  return new FileReader(path, label, yaml, problems).read();
}

function readText(path: string, problems: Problems): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const found = code === 'ENOENT' ? 'no such file' : `a file that cannot be read (${code})`;
    problems.add(path, null, `found ${found}, allowed a readable YAML file`);
    return null;
  }
}

/** Goes through the sections and keys of one parsed file. */
class FileReader {
  readonly #path: string;
  readonly #label: string;
  readonly #yaml: YamlText;
  readonly #problems: Problems;
  readonly #assignments: Assignment[] = [];

  constructor(path: string, label: string, yaml: YamlText, problems: Problems) {
    this.#path = path;
    this.#label = label;
    this.#yaml = yaml;
    this.#problems = problems;
  }

  read(): Assignment[] {
    const root = this.#yaml.document.contents;
    if (isMap(root)) this.#readMap(root, '');
    else if (!isEmpty(root)) {
      this.#problems.add(
        this.#placeOf(root),
        null,
        `found ${showFound(toValue(root), 'server')}, allowed a map of keys`,
      );
    }
    return this.#assignments;
  }

  #readMap(map: YAMLMap, prefix: string): void {
    for (const pair of map.items) this.#readPair(pair, `${prefix}${isScalar(pair.key) ? String(pair.key.value) : '?'}`);
  }

  #readPair(pair: Pair, key: string): void {
    const { value } = pair;
    if (KEYS.has(key)) {
      this.#assignments.push({ key, value: toValue(value), origin: this.#origin(key, pair) });
      return;
    }
    if (!SECTIONS.has(key)) {
      this.#problems.add(this.#placeOf(pair.key), key, unknownKey(key));
      return;
    }
    // A section whose keys are all commented out is null, and says nothing.
    if (isMap(value)) this.#readMap(value, `${key}.`);
    else if (!isEmpty(value)) {
      const allowed = `allowed a map of ${keysOf(key).join(', ')}`;
      this.#problems.add(this.#placeOf(value), key, `found ${showFound(toValue(value), key)}, ${allowed}`);
    }
  }

  #origin(key: string, pair: Pair): Origin {
    const place = (path: Path = []) => {
      for (let depth = path.length; depth > 0; depth--) {
        const node = this.#yaml.document.getIn([...key.split('.'), ...path.slice(0, depth)], true);
        if (isNode(node)) return this.#placeOf(node);
      }
      return this.#placeOf(isNode(pair.value) ? pair.value : pair.key);
    };
    return { label: this.#label, place };
  }

  #placeOf(node: unknown): string {
    const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    return `${this.#path}:${this.#yaml.place(offset)}`;
  }
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** The plain value of a node; parsing has refused aliases, so it is a tree and nothing needs the document. */
function toValue(node: unknown): unknown {
  return isNode(node) ? node.toJSON() : node;
}
