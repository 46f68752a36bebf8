/** The oldest Node that the program runs on; `engines` in package.json says the same. */
export const OLDEST_NODE = '20.19.0';

/** The first days without security fixes. Source: https://github.com/nodejs/Release/blob/main/schedule.json (2026-07-02). */
const END_OF_LIFE: Readonly<Record<number, string>> = {
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
  25: '2026-06-01',
  26: '2029-04-30',
  27: '2030-04-30',
};

export interface NodeSupport {
  /** ISO date, or null when the line is newer than this table. */
  readonly endOfLife: string | null;
  readonly supported: boolean;
}

/** `version` as `process.versions.node` has it; `now` epoch ms. */
export function nodeSupport(version: string, now: number): NodeSupport {
  const [major = 0] = parts(version);
  const endOfLife = END_OF_LIFE[major] ?? null;
  // Lines before the table ended before it was made.
  const oldest = Math.min(...Object.keys(END_OF_LIFE).map(Number));
  return { endOfLife, supported: endOfLife === null ? major > oldest : now < Date.parse(endOfLife) };
}

/** The supported lines with long-term support (even numbers), for advice. */
export function supportedLines(now: number): number[] {
  return Object.entries(END_OF_LIFE)
    .filter(([major, end]) => Number(major) % 2 === 0 && now < Date.parse(end))
    .map(([major]) => Number(major));
}

export function isAtLeast(version: string, least: string): boolean {
  const found = parts(version);
  const wanted = parts(least);
  const differing = wanted.findIndex((part, index) => part !== (found[index] ?? 0));
  return differing === -1 || (found[differing] ?? 0) > (wanted[differing] as number);
}

/** A pre-release (`27.0.0-nightly`) counts as its release. */
function parts(version: string): number[] {
  return (version.split('-')[0] as string).split('.').map(Number);
}
