import { quantity } from './quantity.js';

const duration = quantity({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 });

/** `250ms 2s 5m 1h 7d`: whole numbers of one unit, nothing around them. */
export const DURATION_PATTERN = duration.pattern;

/** Milliseconds, or null when the text is not a duration. */
export const parseDuration: (text: string) => number | null = duration.parse;

/** The exact text of a duration in whole milliseconds, in its largest unit: 300000 is `5m`, 2500 is `2500ms`. */
export const formatDuration: (durationMs: number) => string = duration.format;
