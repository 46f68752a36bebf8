import type { Cancel, Clock } from '../../../lib/clock.js';
import type { Random } from '../../../lib/random.js';
import type { FrameSubject } from '../frame.js';
import type { ControlRequest } from '../requests.js';
import {
  type ConnectionAction,
  type FrameAction,
  type HandshakeAction,
  parseStreamFaults,
  type RequestAction,
  type RuleOn,
  type StreamFaultInput,
  type StreamFaultRule,
} from './rule.js';

export interface ActiveStreamFault {
  readonly id: string;
  readonly rule: StreamFaultRule;
  /** Events that met the rule's conditions. */
  readonly matched: number;
  /** Events that it struck. */
  readonly fired: number;
}

interface Entry {
  readonly id: string;
  readonly rule: StreamFaultRule;
  matched: number;
  fired: number;
  cancel: Cancel;
}

export interface StreamFaultsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Connections that stand, by number. */
  readonly connections: () => readonly number[];
  readonly act: (connection: number, action: ConnectionAction) => void;
}

/** The stream's rules in force. The first that strikes an event wins; a seeded `random` repeats a run. */
export class StreamFaults {
  readonly #options: StreamFaultsOptions;
  #entries: Entry[] = [];
  #made = 0;
  /** False spares the common case of no rule a look at every event. */
  #strikesFrames = false;

  constructor(options: StreamFaultsOptions) {
    this.#options = options;
  }

  get strikesFrames(): boolean {
    return this.#strikesFrames;
  }

  /** Adds one rule or several and returns their ids. Throws a `UsageError` for what is no rule, adding none. */
  add(rules: StreamFaultInput | readonly StreamFaultInput[]): string[] {
    const added = parseStreamFaults(rules).map((rule) => {
      this.#made += 1;
      return { id: rule.id ?? `stream-fault-${this.#made}`, rule, matched: 0, fired: 0, cancel: () => {} };
    });
    this.#set([...this.#entries, ...added]);
    for (const entry of added) this.#schedule(entry);
    return added.map((entry) => entry.id);
  }

  /** Removes one rule, or all. What a rule has done stays done. */
  clear(id?: string): void {
    const gone = this.#entries.filter((entry) => id === undefined || entry.id === id);
    for (const entry of gone) entry.cancel();
    this.#set(this.#entries.filter((entry) => !gone.includes(entry)));
  }

  list(): ActiveStreamFault[] {
    return this.#entries.map(({ id, rule, matched, fired }) => ({ id, rule, matched, fired }));
  }

  handshake(): HandshakeAction | null {
    return this.#strike('handshake', () => true)?.action ?? null;
  }

  request(connection: number, method: ControlRequest['method']): RequestAction | null {
    const matches = (rule: RuleOn<'request'>) => among(rule.connection, connection) && among(rule.method, method);
    return this.#strike('request', matches)?.action ?? null;
  }

  frame(connection: number, subject: FrameSubject): FrameAction | null {
    return this.#strike('frame', (rule) => matchesFrame(rule, connection, subject))?.action ?? null;
  }

  #set(entries: Entry[]): void {
    this.#entries = entries;
    this.#strikesFrames = entries.some(({ rule }) => rule.on === 'frame');
  }

  #strike<On extends StreamFaultRule['on']>(on: On, matches: (rule: RuleOn<On>) => boolean): RuleOn<On> | null {
    for (const entry of this.#entries) {
      const rule = entry.rule as RuleOn<On>;
      if (rule.on === on && matches(rule) && this.#fires(entry)) return rule;
    }
    return null;
  }

  #fires(entry: Entry): boolean {
    const { after, everyNth, probability, count } = entry.rule;
    entry.matched += 1;
    if (count !== undefined && entry.fired >= count) return false;
    if (entry.matched <= after || (entry.matched - after) % everyNth !== 0) return false;
    if (probability < 1 && this.#options.random() >= probability) return false;
    entry.fired += 1;
    return true;
  }

  #schedule(entry: Entry): void {
    const { rule } = entry;
    if (rule.on !== 'connection') return;
    const { clock } = this.#options;
    const delayMs = rule.atMs === undefined ? (rule.afterMs ?? 0) : rule.atMs - clock.now();
    if (delayMs > 0) entry.cancel = clock.setTimer(delayMs, () => this.#strikeConnections(entry, rule));
    else this.#strikeConnections(entry, rule);
  }

  #strikeConnections(entry: Entry, rule: RuleOn<'connection'>): void {
    const { clock, connections, act } = this.#options;
    if (rule.everyMs !== undefined) {
      entry.cancel = clock.setTimer(rule.everyMs, () => this.#strikeConnections(entry, rule));
    }
    for (const connection of connections()) {
      if (among(rule.connection, connection) && this.#fires(entry)) act(connection, rule.action);
    }
  }
}

function matchesFrame(rule: RuleOn<'frame'>, connection: number, subject: FrameSubject): boolean {
  return (
    among(rule.connection, connection) &&
    among(rule.stream, subject.stream) &&
    among(rule.symbol, subject.symbol) &&
    among(rule.interval, subject.interval) &&
    (rule.closed === undefined || rule.closed === subject.closed)
  );
}

/** A condition that a rule leaves out is met by everything. */
function among<T>(wanted: readonly T[] | undefined, found: T | null): boolean {
  return wanted === undefined || (found !== null && wanted.includes(found));
}
