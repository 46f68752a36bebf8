import { expect, it, onTestFinished } from 'vitest';
import { AnalyzerCrew } from '../../src/analyzers/crew.js';
import { systemClock } from '../../src/lib/clock.js';
import { workerUrl } from '../support/analyzer-worker.js';
import { batchOf, randomMarket, windowOf } from '../support/analyzers.js';
import { deferred } from '../support/slots.js';

it('a thread has the next batch before the one before is answered, and no more; idle threads come first', async () => {
  const answered: string[] = [];
  let onAnswered = () => {};
  const crew = new AnalyzerCrew<string>({
    workers: 2,
    url: workerUrl,
    found: { modules: [], refused: [] },
    enabled: [{ name: 'volume' }],
    budgetMs: 60_000,
    clock: systemClock,
    onEvent: () => {},
    onFree: () => onAnswered(),
    onAnswer: (run) => void answered.push(run),
    onInterrupt: (run) => expect.fail(`${run} was interrupted`),
    onReturn: (run) => expect.fail(`${run} came back`),
  });
  onTestFinished(() => crew.end());
  const ready = deferred();
  let threads = 0;
  onAnswered = () => {
    threads += 1;
    if (threads === 2) ready.resolve();
  };
  await ready.promise;

  const batch = batchOf(windowOf(randomMarket(1, 120)));
  const assign = (id: number) => crew.assign((analyzers) => ({ request: { id, batch, analyzers }, run: `run ${id}` }));
  expect([1, 2, 3, 4, 5].map(assign)).toEqual([true, true, true, true, false]);
  const all = deferred();
  onAnswered = () => {
    if (answered.length === 4) all.resolve();
  };
  await all.promise;
  expect(answered.toSorted()).toEqual(['run 1', 'run 2', 'run 3', 'run 4']);
  // The first two went to a thread each.
  expect(answered.indexOf('run 3')).toBeGreaterThan(answered.indexOf('run 1'));
  expect(answered.indexOf('run 4')).toBeGreaterThan(answered.indexOf('run 2'));
});
