import { quantity } from './quantity.js';

const size = quantity({ B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 });

/** `512B 64MiB 1GiB`: whole numbers of one binary unit; `MB` and a bare number are ambiguous and not accepted. */
export const BYTES_PATTERN = size.pattern;

/** Bytes, or null when the text is not a size. */
export const parseBytes: (text: string) => number | null = size.parse;

/** The exact text of a size in whole bytes, in its largest unit: 67108864 is `64MiB`. */
export const formatBytes: (sizeBytes: number) => string = size.format;
