import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HoldReason } from './governor.js';

/** How long the exchange refuses our address, kept on disk: a restart must not knock on a closed gate. */
export interface Hold {
  /** Scheme and host that closed it. */
  readonly exchange: string;
  /** Epoch ms. */
  readonly until: number;
  readonly reason: HoldReason;
}

/**
 * The hold that an earlier process left for this exchange, epoch ms, or null. A file that is missing or damaged holds
 * nothing: at worst the exchange says so again.
 */
export function readHold(file: string, exchange: string): number | null {
  try {
    const { exchange: of, until } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Hold>;
    return of === exchange && typeof until === 'number' && Number.isFinite(until) ? until : null;
  } catch {
    return null;
  }
}

/**
 * Written at once and whole, because the process may be ended by whoever notices the ban. Returns why it could not be
 * written, or null.
 */
export function writeHold(file: string, hold: Hold): Error | null {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(hold)}\n`, { mode: 0o600 });
    renameSync(temporary, file);
    return null;
  } catch (error) {
    return error as Error;
  }
}
