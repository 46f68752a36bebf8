import { beforeEach, describe, expect, it } from 'vitest';
import { Connection, type NextTurn } from '../../../src/pipeline/stream/connection.js';
import type { Loss } from '../../../src/pipeline/stream/contract.js';
import { FakeClock, settled } from '../../support/fake-clock.js';
import { FakeExchange, type FakeSocket } from '../../support/stream-server-fake.js';

let clock: FakeClock;
let exchange: FakeExchange;
let losses: Loss[];
let messages: string[];
let deferred: number;
let frames: string[];
let streams: number;
/** What a control frame adds to them. */
let streamsPerFrame: number;
let nextTurn: NextTurn;

function connect(): { connection: Connection; socket: FakeSocket } {
  const connection = new Connection({
    url: 'ws://exchange/market/stream',
    clock,
    connect: exchange.connect,
    nextTurn: (callback) => nextTurn(callback),
    onMessage: (text) => messages.push(text),
    onBinary: () => messages.push('binary'),
    onClosed: (loss) => losses.push(loss),
    onDeferred: () => {
      deferred += 1;
    },
    nextFrame: () => {
      const frame = frames.shift() ?? null;
      if (frame !== null) streams += streamsPerFrame;
      return frame;
    },
    expectedStreams: () => streams,
  });
  return { connection, socket: exchange.sockets.at(-1) as FakeSocket };
}

beforeEach(() => {
  clock = new FakeClock();
  exchange = new FakeExchange();
  exchange.onConnect = () => {};
  losses = [];
  messages = [];
  deferred = 0;
  frames = [];
  streams = 200;
  streamsPerFrame = 0;
  nextTurn = (callback) => clock.setTimer(0, callback);
});

describe('Connection', () => {
  it('W5: ends a handshake that is not done within 5 s, and ignores what comes later', async () => {
    const { connection, socket } = connect();
    await clock.advance(4_999);
    expect(connection.mode).toBe('connecting');
    await clock.advance(1);
    expect(losses).toMatchObject([{ reason: 'handshake' }]);
    expect(socket.state).toBe('closed');
    socket.open();
    socket.message('late');
    expect(connection.mode).toBe('closed');
    expect(messages).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('I8: sends at most one control frame every 200 ms, the first at once', async () => {
    frames = Array.from({ length: 12 }, (_, i) => `{"method":"SUBSCRIBE","params":[],"id":${i}}`);
    const { connection, socket } = connect();
    socket.open();
    connection.kick();
    connection.kick();
    expect(socket.sent).toHaveLength(1);
    await clock.advance(1_000);
    expect(socket.sent).toHaveLength(6);
    await clock.advance(5_000);
    expect(socket.sent).toHaveLength(12);
    frames.push('{"method":"SUBSCRIBE","params":[],"id":13}');
    connection.kick();
    expect(socket.sent).toHaveLength(13);
  });

  it('W3: takes 8 s without data for death, whatever acknowledgements and control frames say, and terminates', async () => {
    const { connection, socket } = connect();
    socket.answersClose = false;
    socket.open();
    connection.heard();
    await clock.advance(7_999);
    socket.message('{"result":null,"id":1}');
    expect(connection.mode).toBe('open');
    await clock.advance(1);
    expect(losses).toEqual([{ reason: 'silent', detail: 'no data for 8000 ms' }]);
    expect(socket.state).toBe('closed');
    expect(clock.pendingTimers).toBe(0);
  });

  it('W3: takes no control frame of its own for a sign of life', async () => {
    const { connection, socket } = connect();
    socket.open();
    await clock.advance(6_000);
    frames = ['{"method":"UNSUBSCRIBE","params":["a"],"id":2}', '{"method":"SUBSCRIBE","params":["a"],"id":3}'];
    connection.kick();
    await clock.advance(1_999);
    expect(socket.sent).toHaveLength(2);
    expect(losses).toEqual([]);
    await clock.advance(1);
    expect(losses).toMatchObject([{ reason: 'silent' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives streams that shorten its patience the whole of it from when they were asked for', async () => {
    streams = 1;
    const { connection, socket } = connect();
    socket.open();
    await clock.advance(60_000);
    frames = ['{"method":"SUBSCRIBE","params":["b","c"],"id":2}'];
    streamsPerFrame = 199;
    connection.kick();
    await clock.advance(7_999);
    expect(losses).toEqual([]);
    await clock.advance(1);
    expect(losses).toMatchObject([{ reason: 'silent' }]);
  });

  it('lives on while data comes', async () => {
    const { connection, socket } = connect();
    socket.open();
    for (let second = 0; second < 120; second += 5) {
      await clock.advance(5_000);
      connection.heard();
    }
    expect(connection.mode).toBe('open');
    expect(losses).toEqual([]);
  });

  it('waits longer for data of fewer streams, which may be a quiet market', async () => {
    streams = 1;
    const { connection, socket } = connect();
    socket.open();
    await clock.advance(63_999);
    expect(connection.mode).toBe('open');
    await clock.advance(1);
    expect(losses).toMatchObject([{ reason: 'silent' }]);
  });

  it('P11, I12: does not blame the peer for data that our own stalled loop had not read yet', async () => {
    const afterPoll: (() => void)[] = [];
    nextTurn = (callback) => {
      afterPoll.push(callback);
      return () => {};
    };
    const { connection, socket } = connect();
    socket.open();
    // After a stall the overdue timer fires first; the sockets are read next; only then is the silence judged.
    await clock.advance(30_000);
    expect(afterPoll).toHaveLength(1);
    connection.heard();
    afterPoll.shift()?.();
    expect(connection.mode).toBe('open');
    expect(deferred).toBe(1);
    await clock.advance(8_000);
    afterPoll.shift()?.();
    expect(losses).toMatchObject([{ reason: 'silent' }]);
    expect(deferred).toBe(1);
  });

  it('ends cleanly with a live peer and by force with one that does not answer', async () => {
    for (const answers of [true, false]) {
      const { connection, socket } = connect();
      socket.open();
      socket.answersClose = answers;
      connection.drain('rotation');
      expect(connection.mode).toBe('draining');
      socket.message('late');
      await settled();
      expect(connection.mode).toBe(answers ? 'closed' : 'draining');
      await clock.advance(1_000);
      await connection.closed;
      expect(socket.state).toBe('closed');
    }
    expect(losses.map(({ reason }) => reason)).toEqual(['rotation', 'rotation']);
    expect(messages).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('can be drained before its handshake, and twice', async () => {
    const { connection } = connect();
    connection.drain('stopped');
    connection.drain('stopped');
    await connection.closed;
    expect(losses).toMatchObject([{ reason: 'stopped' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('tells its end once', async () => {
    const { connection, socket } = connect();
    socket.open();
    connection.terminate({ reason: 'silent', detail: 'test' });
    socket.end();
    await connection.closed;
    expect(losses).toEqual([{ reason: 'silent', detail: 'test' }]);
  });
});
