import { describe, expect, it } from 'vitest';
import { klineStream, Subscriptions } from '../../../src/pipeline/stream/subscriptions.js';
import { type ControlFrame, controlFrame } from '../../support/stream-frames.js';

function drain(subscriptions: Subscriptions, now = 0): ControlFrame[] {
  const frames: ControlFrame[] = [];
  for (let text = subscriptions.nextFrame(now); text !== null; text = subscriptions.nextFrame(now)) {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_000);
    frames.push(controlFrame(text));
  }
  return frames;
}

describe('klineStream', () => {
  it('is lower case except the interval', () => {
    expect(klineStream('BTCUSDT', '5m')).toBe('btcusdt@kline_5m');
    expect(klineStream('币安人生USDT', '1h')).toBe('币安人生usdt@kline_1h');
  });
});

describe('Subscriptions', () => {
  it('asks for everything wanted in frames of at most 4,000 bytes, counted in UTF-8', () => {
    const names = Array.from({ length: 400 }, (_, i) => klineStream(`币安人生${i}USDT`, '5m'));
    const frames = drain(new Subscriptions(names));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.flatMap(({ params }) => params)).toEqual(names);
    expect(new Set(frames.map(({ id }) => id)).size).toBe(frames.length);
    expect(frames.every(({ method, id }) => method === 'SUBSCRIBE' && Number.isInteger(id) && id > 0)).toBe(true);
  });

  it('confirms a stream by data only after it was asked for, and only its own streams', () => {
    const subscriptions = new Subscriptions(['a', 'b']);
    expect(subscriptions.confirm('a')).toBe(true);
    expect(subscriptions.counts()).toEqual({ wanted: 2, pending: 0, confirmed: 0 });
    drain(subscriptions);
    expect(subscriptions.counts()).toEqual({ wanted: 0, pending: 2, confirmed: 0 });
    expect(subscriptions.confirm('a')).toBe(true);
    expect(subscriptions.confirm('a')).toBe(true);
    expect(subscriptions.confirm('x')).toBe(false);
    expect(subscriptions.counts()).toEqual({ wanted: 0, pending: 1, confirmed: 1 });
  });

  it('sends nothing for a wish that was taken back before it was sent', () => {
    const subscriptions = new Subscriptions(['a']);
    subscriptions.drop('a');
    expect(subscriptions.nextFrame(0)).toBeNull();
    expect(subscriptions.asked).toBe(0);
  });

  it('unsubscribes what was asked for', () => {
    const subscriptions = new Subscriptions(['a', 'b']);
    drain(subscriptions);
    subscriptions.confirm('a');
    subscriptions.drop('a');
    expect(drain(subscriptions)).toMatchObject([{ method: 'UNSUBSCRIBE', params: ['a'] }]);
    expect(subscriptions.counts()).toEqual({ wanted: 0, pending: 1, confirmed: 0 });
  });

  it('renews a stream by unsubscribing it first, and waits for data again', () => {
    const subscriptions = new Subscriptions(['a']);
    drain(subscriptions);
    subscriptions.confirm('a');
    subscriptions.renew('a');
    subscriptions.renew('x');
    expect(subscriptions.counts()).toEqual({ wanted: 1, pending: 0, confirmed: 0 });
    expect(drain(subscriptions, 7)).toMatchObject([
      { method: 'UNSUBSCRIBE', params: ['a'] },
      { method: 'SUBSCRIBE', params: ['a'] },
    ]);
    expect(subscriptions.counts()).toEqual({ wanted: 0, pending: 1, confirmed: 0 });
  });

  it('goes on expecting data of a stream that is renewed, from the first time it was asked for', () => {
    const subscriptions = new Subscriptions(['a', 'b']);
    subscriptions.renew('a');
    expect(subscriptions.asked).toBe(0);
    drain(subscriptions);
    subscriptions.renew('a');
    expect(subscriptions.asked).toBe(2);
    subscriptions.drop('a');
    subscriptions.want('a');
    expect(subscriptions.asked).toBe(1);
    drain(subscriptions);
    expect(subscriptions.asked).toBe(2);
  });

  it('knows since when a stream has been asked for', () => {
    const subscriptions = new Subscriptions(['a']);
    expect(subscriptions.wasSentBefore('a', 1e15)).toBe(false);
    drain(subscriptions, 1_000);
    expect(subscriptions.wasSentBefore('a', 1_000)).toBe(false);
    expect(subscriptions.wasSentBefore('a', 1_001)).toBe(true);
  });

  it('covers another set when it has data for all that the other has data for', () => {
    const [old, fresh] = [new Subscriptions(['a', 'b', 'quiet']), new Subscriptions(['a', 'b', 'quiet'])];
    drain(old);
    drain(fresh);
    old.confirm('a');
    old.confirm('b');
    fresh.confirm('a');
    fresh.confirm('quiet');
    expect(fresh.covers(old)).toBe(false);
    fresh.confirm('b');
    expect(fresh.covers(old)).toBe(true);
  });
});
