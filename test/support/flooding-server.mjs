// An exchange that floods whoever connects, in a process of its own, because making frames is work as well.
// Arguments: symbols, candles, updates of each candle, messages a second, open time of the first candle, length of one (ms).
// Prints its port; every frame is another one, and every candle ends with its closes. Waits while the peer does not read.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const [symbols, candles, updates, perSecond, firstOpenTime, stepMs] = process.argv.slice(2).map(Number);
const TURN_MS = 20;

function frame(symbol, openTime, eventTime, close, closed) {
  const k = { t: openTime, T: openTime + stepMs - 1, s: symbol, i: '5m', f: 1, L: 2 };
  Object.assign(k, {
    o: '100',
    c: `${close}`,
    h: '99999',
    l: '1',
    v: '5',
    n: 2,
    x: closed,
    q: '500',
    V: '2',
    Q: '200',
  });
  const data = { e: 'kline', E: eventTime, s: symbol, k };
  const text = JSON.stringify({ stream: `${symbol.toLowerCase()}@kline_5m`, data });
  const head = Buffer.from([0x81, 126, text.length >> 8, text.length & 255]);
  return Buffer.concat([head, Buffer.from(text)]);
}

function round(openTime, update) {
  const closed = update === updates;
  const eventTime = openTime + (closed ? stepMs : update);
  const frames = Array.from({ length: symbols }, (_, index) =>
    frame(`S${index}USDT`, openTime, eventTime, closed ? 200 : 2 + (update % 97), closed),
  );
  return Buffer.concat(frames);
}

async function flood(socket) {
  const startedMs = performance.now();
  let sent = 0;
  for (let candle = 0; candle < candles; candle++) {
    for (let update = 1; update <= updates; update++) {
      if (!socket.write(round(firstOpenTime + candle * stepMs, update))) await once(socket, 'drain');
      sent += symbols;
      const aheadMs = (sent / perSecond) * 1_000 - (performance.now() - startedMs);
      if (aheadMs > TURN_MS) await sleep(aheadMs);
    }
  }
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
server.on('connection', (_client, { socket }) => {
  socket.on('error', () => undefined);
  void flood(socket).catch(() => undefined);
});
await once(server, 'listening');
process.stdout.write(`${server.address().port}\n`);
