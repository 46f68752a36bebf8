import type { Analyzer } from '../contract.js';
import { confluence } from './confluence.js';
import { donchian } from './donchian.js';
import { macd } from './macd.js';
import { momentum } from './momentum.js';
import { patterns } from './patterns.js';
import { squeeze } from './squeeze.js';
import { supertrend } from './supertrend.js';
import { trend } from './trend.js';
import { volume } from './volume.js';

/** The analyzers that ship with the product, each after those that it depends on. */
export const builtInAnalyzers: readonly Analyzer[] = [
  trend,
  momentum,
  macd,
  squeeze,
  donchian,
  supertrend,
  volume,
  patterns,
  confluence,
];
