// Publishes signals over and over until it is killed. Arguments: the directory, the base URL of the built program, the
// round to begin with. Each round is a slot: what is found on its candles, then revised candles that amend some of it
// and revoke others. What was acknowledged is one line on stdout per update: `[[id, slot, status, revision, strength], …]`.
const [dir, dist, from] = process.argv.slice(2);
const { openSignalStore } = await import(new URL('signals/store.js', dist).href);
const { signalId } = await import(new URL('domain/signal.js', dist).href);
const { systemClock } = await import(new URL('lib/clock.js', dist).href);

const SLOT_MS = 300_000;
const SYMBOLS = 40;
const store = await openSignalStore({
  dir,
  clock: systemClock,
  longestTimeframe: '5m',
  retentionMs: 90 * 86_400_000,
  maxFileBytes: 2 ** 18,
});

function findingOf(round, row, strength) {
  const finding = {
    symbol: `S${row}USDT`,
    timeframe: '5m',
    analyzer: 'trend',
    version: '1.0.0',
    direction: row % 2 === 0 ? 'long' : 'short',
    strength,
    price: round + row / 100,
    candleCloseTime: round * SLOT_MS,
    reasons: [`round ${round}, row ${row}`],
    inputDigest: String(round).padStart(32, '0'),
  };
  return { ...finding, id: signalId('sim', finding) };
}

async function publish(round, slot, findings) {
  const { changes, saved } = await store.publish({
    slot,
    status: 'confirmed',
    candles: Array.from({ length: SYMBOLS }, (_, row) => findingOf(round, row, 0)),
    analyzers: [{ name: 'trend', version: '1.0.0' }],
    findings,
  });
  if (!saved) throw new Error('the disk does not take it');
  const states = changes.map(({ record: { id, status, revision, strength } }) => [
    id,
    slot,
    status,
    revision,
    strength,
  ]);
  process.stdout.write(`${JSON.stringify({ round, states })}\n`);
}

for (let round = Number(from); ; round++) {
  const rows = Array.from({ length: SYMBOLS }, (_, row) => row);
  await publish(
    round,
    round * SLOT_MS,
    rows.map((row) => findingOf(round, row, 0.5)),
  );
  const left = rows.filter((row) => row % 5 !== 0);
  await publish(
    round,
    (round + 1) * SLOT_MS,
    left.map((row) => findingOf(round, row, row % 3 === 0 ? 0.75 : 0.5)),
  );
}
