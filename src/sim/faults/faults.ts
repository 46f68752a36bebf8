import type { Random } from '../../lib/random.js';
import { type FaultAction, type FaultRule, type FaultRuleInput, parseFaultRules } from './rule.js';

/** What a rule looks at. */
export interface FaultTarget {
  readonly path: string;
  readonly symbol: string | null;
  readonly interval: string | null;
}

export interface ActiveFault {
  readonly id: string;
  readonly rule: FaultRule;
  /** Requests that met the rule's conditions. */
  readonly matched: number;
  /** Requests that it struck. */
  readonly fired: number;
}

interface Entry {
  readonly id: string;
  readonly rule: FaultRule;
  matched: number;
  fired: number;
}

/** The rules in force. The first that strikes wins; a seeded `random` repeats a run. */
export class Faults {
  readonly #random: Random;
  #entries: Entry[] = [];
  #made = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds one rule or several and returns their ids. Throws a `UsageError` for what is no rule, adding none. */
  add(rules: FaultRuleInput | readonly FaultRuleInput[]): string[] {
    const added = parseFaultRules(rules).map((rule) => {
      this.#made += 1;
      return { id: rule.id ?? `fault-${this.#made}`, rule, matched: 0, fired: 0 };
    });
    this.#entries.push(...added);
    return added.map((entry) => entry.id);
  }

  /** Removes one rule, or all. */
  clear(id?: string): void {
    this.#entries = id === undefined ? [] : this.#entries.filter((entry) => entry.id !== id);
  }

  list(): ActiveFault[] {
    return this.#entries.map((entry) => ({ ...entry }));
  }

  /** The action that strikes this request, or null. */
  strike(target: FaultTarget): FaultAction | null {
    for (const entry of this.#entries) {
      if (matches(entry.rule, target) && this.#fires(entry)) return entry.rule.action;
    }
    return null;
  }

  #fires(entry: Entry): boolean {
    const { after, everyNth, probability, count } = entry.rule;
    entry.matched += 1;
    if (count !== undefined && entry.fired >= count) return false;
    if (entry.matched <= after || (entry.matched - after) % everyNth !== 0) return false;
    if (probability < 1 && this.#random() >= probability) return false;
    entry.fired += 1;
    return true;
  }
}

function matches(rule: FaultRule, target: FaultTarget): boolean {
  if (rule.path !== undefined && !rule.path.some((path) => target.path === path || target.path.endsWith(`/${path}`))) {
    return false;
  }
  if (rule.symbol !== undefined && !rule.symbol.some((symbol) => symbol.toUpperCase() === target.symbol)) return false;
  return rule.interval === undefined || rule.interval.some((interval) => interval === target.interval);
}
