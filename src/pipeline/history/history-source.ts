import { KlineSource, type KlineSourceOptions } from '../rest/kline-source.js';

export type HistorySourceOptions = Omit<KlineSourceOptions, 'name' | 'lane'>;

/** Closed candles in bulk: whatever is missing, in the lane that leaves a reserve for the urgent one. */
export class HistorySource extends KlineSource {
  constructor(options: HistorySourceOptions) {
    super({ ...options, name: 'history', lane: 'bulk' });
  }
}
