import { ProblemError, tooMany } from '../problem.js';
import type { RouteContext } from './context.js';

/** A search costs as much as this many rows even when it finds none. */
const LEAST_ROWS = 200;

const BUSY = 'too many items were asked for within a second; allowed is to ask for fewer, or later';

/**
 * Makes a reply of at most `limit` rows within the budget for all clients, and what it holds less is given back. Throws
 * a 429 when the budget is used up.
 */
export async function withinBudget<T>(
  { rows, connections }: Pick<RouteContext, 'rows' | 'connections'>,
  limit: number,
  make: () => T | Promise<T>,
  countOf: (made: T) => number,
): Promise<T> {
  const most = Math.max(limit, LEAST_ROWS);
  const waitMs = rows.take(most);
  if (waitMs > 0) throw new ProblemError(tooMany(BUSY, waitMs));
  connections.cutSlowReaders();
  let used = LEAST_ROWS;
  try {
    const made = await make();
    used = Math.min(most, Math.max(used, countOf(made)));
    return made;
  } finally {
    rows.giveBack(most - used);
  }
}
