import { CandlescanError } from '../domain/errors.js';
import type { SignalPage, SignalQuery, SignalRecord } from './contract.js';
import type { Position, SignalMemory } from './memory.js';

const MOST_ITEMS = 1_000;

/** A query that cannot be answered; the message says what was found and what is allowed. */
export class QueryError extends CandlescanError {
  readonly retryable = false;
  /** The part of the query that is wrong. */
  readonly parameter: 'limit' | 'cursor';

  constructor(parameter: 'limit' | 'cursor', found: string, allowed: string) {
    super(`${parameter}: ${found} found, ${allowed} allowed`);
    this.parameter = parameter;
  }
}

/**
 * A page of the signals that match, newest first. The cursor is the position of the last one given, so pages that follow
 * neither repeat nor leave out anything, whatever is published or leaves the memory meanwhile.
 */
export function pageOf(memory: SignalMemory, query: SignalQuery): SignalPage {
  const { limit, cursor } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ITEMS) {
    throw new QueryError('limit', String(limit), `a whole number from 1 to ${MOST_ITEMS}`);
  }
  const items: SignalRecord[] = [];
  for (const record of memory.newestFirst(cursor === undefined ? undefined : decodeCursor(cursor))) {
    if (query.since !== undefined && record.candleCloseTime < query.since) break;
    if (!matches(record, query)) continue;
    if (items.length === limit) return { items, nextCursor: encodeCursor(items[limit - 1] as SignalRecord) };
    items.push(record);
  }
  return { items, nextCursor: null };
}

function matches(record: SignalRecord, query: SignalQuery): boolean {
  const { symbol, timeframe, analyzer, direction, status, until } = query;
  return (
    (symbol === undefined || record.symbol === symbol) &&
    (timeframe === undefined || record.timeframe === timeframe) &&
    (analyzer === undefined || record.analyzer === analyzer) &&
    (direction === undefined || record.direction === direction) &&
    (status === undefined || record.status === status) &&
    (until === undefined || record.candleCloseTime <= until)
  );
}

function encodeCursor({ candleCloseTime, publishedAt, id }: Position): string {
  return Buffer.from(JSON.stringify([candleCloseTime, publishedAt, id])).toString('base64url');
}

function decodeCursor(cursor: string): Position {
  const [candleCloseTime, publishedAt, id] = parseArray(Buffer.from(cursor, 'base64url').toString());
  if (!Number.isSafeInteger(candleCloseTime) || !Number.isSafeInteger(publishedAt) || typeof id !== 'string') {
    throw new QueryError('cursor', JSON.stringify(cursor.slice(0, 100)), 'only the nextCursor of an earlier page is');
  }
  return { candleCloseTime: candleCloseTime as number, publishedAt: publishedAt as number, id };
}

function parseArray(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
