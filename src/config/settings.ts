import type * as z from 'zod/mini';
import type { SinkSecret } from './environment.js';
import { asTree, KEYS, SECTIONS } from './keys.js';
import { joinPath, type Path, type Problems, showFound } from './problems.js';
import { masked, withSinkSecrets } from './secrets.js';
import { type Assignment, type Origin, pollutingName } from './sources.js';

/** The merged sources: of every key the assignment that holds. */
export class Settings {
  /** By known keys only and never by a name from outside, so nothing can reach a prototype. */
  readonly #byKey = new Map<string, Assignment>();
  readonly #secretOrigins: ReadonlyMap<string, Origin>;

  /** Later assignments win. */
  constructor(assignments: readonly Assignment[], sinkSecrets: readonly SinkSecret[], problems: Problems) {
    for (const assignment of assignments) {
      const polluting = pollutingName(assignment.value);
      if (polluting === null) this.#byKey.set(assignment.key, assignment);
      else problems.add(assignment.origin.place(), assignment.key, `unknown key ${polluting}`);
    }
    const sinks = this.#byKey.get('notify.sinks');
    const merged = sinks === undefined ? null : withSinkSecrets(sinks, sinkSecrets, problems);
    if (merged !== null) this.#byKey.set('notify.sinks', merged.sinks);
    this.#secretOrigins = merged?.origins ?? new Map();
  }

  /** The values as sections of keys, for the schema. */
  tree(): Record<string, unknown> {
    return asTree([...this.#byKey].map(([key, { value }]) => [key, value]));
  }

  value(key: string): unknown {
    return this.#byKey.get(key)?.value;
  }

  isDefault(key: string): boolean {
    return this.#byKey.get(key)?.origin.label === 'default';
  }

  /** Where each value came from, a sink's secret from a variable of its own included. */
  labels(): Map<string, string> {
    const keys = [...KEYS.keys()].map((key) => [key, this.#byKey.get(key)?.origin.label ?? 'default'] as const);
    const secrets = [...this.#secretOrigins].map(([path, origin]) => [path, origin.label] as const);
    return new Map([...keys, ...secrets]);
  }

  /** Every key's value with secrets masked. */
  masked(): Map<string, unknown> {
    return new Map([...KEYS.keys()].map((key) => [key, masked(key, this.value(key))]));
  }

  /** Adds the problem that `key`, at `path` inside its value, holds something else than what is allowed. */
  report(key: string, path: Path, allowed: string, problems: Problems): void {
    let found = this.value(key);
    for (const part of path) found = typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined;
    const name = joinPath([key, ...path]);
    problems.add(this.#place(key, path), name, `found ${showFound(found, name)}, allowed ${allowed}`);
  }

  /** Adds what the schema says. */
  reportIssue(outer: z.core.$ZodIssue, problems: Problems): void {
    const { path: parts, issue } = deepest(outer, outer.path.map(asPart));
    const depth = SECTIONS.has(String(parts[0])) ? 2 : 1;
    const key = parts.slice(0, depth).join('.');
    const path = parts.slice(depth);
    if (issue.code !== 'unrecognized_keys') return this.report(key, path, issue.message, problems);
    for (const name of issue.keys) {
      const inner = [...path, name];
      problems.add(this.#place(key, inner), joinPath([key, ...inner]), `unknown key, allowed: ${issue.message}`);
    }
  }

  #place(key: string, path: Path): string {
    const secret = this.#secretOrigins.get(joinPath([key, ...path]));
    return secret?.place() ?? this.#byKey.get(key)?.origin.place(path) ?? 'default';
  }
}

/** Of a value that fits no form of a union, what is wrong inside the form it was meant for, if that can be told. */
function deepest(issue: z.core.$ZodIssue, path: Path): { readonly path: Path; readonly issue: z.core.$ZodIssue } {
  if (issue.code !== 'invalid_union') return { path, issue };
  const inner = issue.errors.flat().find((other) => other.path.length > 0 || other.code === 'unrecognized_keys');
  return inner === undefined ? { path, issue } : deepest(inner, [...path, ...inner.path.map(asPart)]);
}

function asPart(part: PropertyKey): string | number {
  return typeof part === 'number' ? part : String(part);
}
