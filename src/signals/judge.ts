import { groupBy } from '../lib/group-by.js';
import type { Candle, SignalChange, SignalUpdate } from './contract.js';
import { found, missed, type Statement } from './lifecycle.js';
import { candleKey, type SignalMemory } from './memory.js';
import { type Statements, voiceOf } from './statements.js';

/** What an update changes, and how many of its findings changed nothing and why. */
export interface Judgement {
  readonly changes: readonly SignalChange[];
  readonly repeated: number;
  readonly stale: number;
}

interface Known {
  readonly memory: SignalMemory;
  readonly statements: Statements;
}

type OnCandle = { readonly candle: Candle; readonly key: string; readonly findings: SignalUpdate['findings'] };

/**
 * Holds an update against what is known. The memory is left as it is: the changes are to be put into it. That the update
 * was heard is noted. Throws a `RangeError` when a finding is on a candle that the update does not name.
 */
export function judge(update: SignalUpdate, known: Known, at: number, lateAfterMs: number): Judgement {
  const by: Statement = { slot: update.slot, status: update.status, at, lateAfterMs };
  const asked = new Set(update.analyzers.map(({ name, version }) => voiceOf(name, version)));
  const changes: SignalChange[] = [];
  let repeated = 0;
  let stale = 0;
  for (const named of byCandle(update)) {
    const present = new Set<string>();
    const voices = voicesOn(named, asked);
    for (const finding of named.findings) {
      present.add(finding.id);
      const record = known.memory.get(finding.id);
      if (isOld(known, named, voiceOf(finding.analyzer, finding.version), by, record === null)) stale += 1;
      else repeated += addChange(changes, found(record, finding, by)) ? 0 : 1;
    }
    for (const record of known.memory.onCandle(named.key)) {
      const voice = voiceOf(record.analyzer, record.version);
      if (present.has(record.id) || !asked.has(voice) || known.statements.isStale(named.key, voice, by)) continue;
      addChange(changes, missed(record, by));
    }
    known.statements.note(named.key, voices, by);
  }
  known.statements.trim();
  return { changes, repeated, stale };
}

function byCandle({ candles, findings }: SignalUpdate): OnCandle[] {
  const findingsOf = groupBy(findings, candleKey);
  const named = new Map(candles.map((candle) => [candleKey(candle), candle]));
  for (const [key, [finding]] of findingsOf) {
    if (named.has(key) || finding === undefined) continue;
    const { analyzer, symbol, timeframe, candleCloseTime } = finding;
    const closed = new Date(candleCloseTime).toISOString();
    throw new RangeError(
      `${analyzer} found something on ${symbol} ${timeframe} closed ${closed}, a candle the update does not name`,
    );
  }
  return [...named].map(([key, candle]) => ({ candle, key, findings: findingsOf.get(key) ?? [] }));
}

/** Those who were asked, and an analyzer that failed elsewhere but found something here. */
function voicesOn({ findings }: OnCandle, asked: ReadonlySet<string>): ReadonlySet<string> {
  const others = findings
    .map(({ analyzer, version }) => voiceOf(analyzer, version))
    .filter((voice) => !asked.has(voice));
  return others.length === 0 ? asked : new Set([...asked, ...others]);
}

function isOld({ memory, statements }: Known, { candle, key }: OnCandle, voice: string, by: Statement, isNew: boolean) {
  return statements.isStale(key, voice, by) || (isNew && memory.mayHaveLeft(candle));
}

function addChange(changes: SignalChange[], change: SignalChange | null): boolean {
  if (change === null) return false;
  changes.push(change);
  return true;
}
