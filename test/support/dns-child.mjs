// A process that wants candles all the time, over REST and the stream, and writes down twice a second how it fared.
// Arguments: the folder of the compiled program, the exchange's REST and stream addresses.
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';

const [build, restUrl, streamUrl] = process.argv.slice(2);
const newTick = () => ({ ok: 0, lookups: 0, lookupErrors: [], reads: [] });
let tick = newTick();
let asking = 0;
let mostAsking = 0;
const { lookup } = dns;
dns.lookup = (name, options, callback) => {
  tick.lookups += 1;
  asking += 1;
  mostAsking = Math.max(mostAsking, asking);
  lookup(name, options, (...answer) => {
    asking -= 1;
    if (answer[0]) tick.lookupErrors.push(answer[0].code);
    callback(...answer);
  });
};

const load = (path) => import(new URL(path, build).href);
const { systemClock: clock } = await load('lib/clock.js');
const { seededRandom } = await load('lib/random.js');
const { WeightGovernor } = await load('pipeline/exchange/governor.js');
const { createBinanceClient } = await load('pipeline/exchange/binance.js');
const { createStreamSource } = await load('pipeline/stream/stream-source.js');

const random = seededRandom(1);
const symbols = Array.from({ length: 100 }, (_, index) => `S${index}USDT`);
const client = await createBinanceClient({
  restUrl,
  requestTimeoutMs: 5_000,
  window: 64,
  clock,
  random,
  governor: new WeightGovernor({ clock, random, weightLimit: 1e6 }),
});
const ignore = () => {};
const handlers = { onClosed: ignore, onForming: ignore, onRevised: ignore, onResumed: ignore, onContractInfo: ignore };
const stream = createStreamSource({
  url: streamUrl,
  symbols,
  timeframe: '1m',
  streamsPerConnection: 10,
  clock,
  random,
  handlers: { ...handlers, onNotice: ignore },
});
stream.start();

let inFlight = 0;
async function ask() {
  inFlight += 1;
  try {
    await client.klines({ symbol: 'BTCUSDT', timeframe: '5m', limit: 2 }, { lane: 'bulk' });
    tick.ok += 1;
  } catch {
    // The exchange cannot be reached, which is what this is about.
  }
  inFlight -= 1;
}

async function read() {
  const startedMs = clock.monotonic();
  await readFile(new URL(import.meta.url));
  tick.reads.push(clock.monotonic() - startedMs);
}

const timers = [
  setInterval(() => {
    for (let count = 0; count < 8 && inFlight < 64; count++) void ask();
  }, 50),
  setInterval(() => void read(), 20),
  setInterval(() => {
    process.stdout.write(`${JSON.stringify({ ...tick, mostAsking })}\n`);
    tick = newTick();
    mostAsking = asking;
  }, 500),
];
process.stdin.resume().on('end', () => {
  for (const timer of timers) clearInterval(timer);
  void stream.stop();
  void client.close();
});
