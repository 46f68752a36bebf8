// Writes segments over and over until it is killed. Arguments: the directory, the base URL of the built program.
// Every record is one made-up series whose symbol says the key and the round it was written in; each acknowledged
// write is one line on stdout.
const [dir, dist] = process.argv.slice(2);
const { SegmentStore } = await import(new URL('cache/l2.js', dist).href);
const { encodeRecord } = await import(new URL('cache/codec/record.js', dist).href);
const { Series } = await import(new URL('domain/series.js', dist).href);
const { systemClock } = await import(new URL('lib/clock.js', dist).href);

const store = await SegmentStore.open({ dir, maxBytes: 2 ** 26, clock: systemClock });
const from = Number(process.argv[4] ?? 0);
for (let round = from; ; round++) {
  for (const segment of [0, 1, 2]) {
    const symbol = `${segment}:${round}`;
    const series = new Series(symbol, '5m', 500);
    for (let row = 0; row < 500; row++)
      series.append([row * 300_000, 1, 2, 1, 1 + ((row * 7) % 10) / 10, round], 'rest', 1e12);
    const result = await store.write(`series/sim/5m/${segment}`, new Map([[symbol, encodeRecord(series.window())]]));
    if (result === 'written') process.stdout.write(`${symbol}\n`);
  }
}
