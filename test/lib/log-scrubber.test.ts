import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scrubber, secretsIn } from '../../src/lib/log-scrubber.js';
import { Secret } from '../../src/lib/secret.js';

function scrubberOf(...values: readonly string[]): Scrubber {
  const scrubber = new Scrubber();
  scrubber.add(values.map((value) => new Secret(value)));
  return scrubber;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('Scrubber', () => {
  // Its base64 has digits of which the two alphabets differ, and ends within a byte.
  const secret = 'p&ss/w"rd\\7f3a+ü~~~';
  const forms: Record<string, string> = {
    plain: secret,
    'in a url': encodeURIComponent(secret),
    'in a url, lower-case digits': encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
    'in a url in a url': encodeURIComponent(encodeURIComponent(secret)),
    'in a form': new URLSearchParams({ q: secret }).toString().slice(2),
    'in a path': encodeURI(secret),
    'in JSON': JSON.stringify(secret).slice(1, -1),
    'in JSON in JSON': JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    base64: base64(secret),
    base64url: Buffer.from(secret).toString('base64url'),
    hex: Buffer.from(secret).toString('hex'),
    HEX: Buffer.from(secret).toString('hex').toUpperCase(),
  };

  it.each(Object.entries(forms))('S7: hides a secret %s', (_, form) => {
    const shown = scrubberOf(secret).scrub(`before ${form} after ${form}.`);
    expect(shown).toMatch(/^before \*\*\*=* after \*\*\*=*\.$/);
  });

  it('S7: hides a secret inside a longer base64 text, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 9 }),
        fc.string({ unit: 'binary-ascii', minLength: 12, maxLength: 40 }),
        fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 9 }),
        (before, value, after) => {
          const shown = scrubberOf(value).scrub(base64(before + value + after));
          // At each end a digit may hold bits of a neighbour too; with it no more than a byte of the secret is left.
          const left = Buffer.from(shown.replace('***', ''), 'base64').length;
          expect(shown).toContain('***');
          expect(left).toBeLessThanOrEqual(before.length + after.length + 2);
        },
      ),
    );
  });

  it('S7: leaves no trace of a random secret in a text made of its forms', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 60 }),
        fc.array(fc.lorem(), { maxLength: 4 }),
        (value, words) => {
          fc.pre(/[^*]{4}/.test(value));
          const text = [value, encodeURIComponent(value), base64(value), JSON.stringify(value)].join(
            ` ${words.join(' ')} `,
          );
          const shown = scrubberOf(value).scrub(text);
          expect(shown).not.toContain(value);
          expect(shown).not.toContain(base64(value));
          expect(shown).not.toContain(encodeURIComponent(value));
        },
      ),
    );
  });

  it('S7: hides what of a secret address stands alone: path, credentials, query', () => {
    const scrubber = scrubberOf('https://us3r:p%40ss-w0rd@example.com/services/T0000000/B00/xyz?key=canary-1');
    const texts = [
      'POST /services/T0000000/B00/xyz?key=canary-1',
      'path: /services/T0000000/B00/xyz',
      'p@ss-w0rd p%40ss-w0rd canary-1 T0000000',
      `Basic ${base64('us3r:p@ss-w0rd')}`,
    ];
    for (const text of texts) {
      expect(scrubber.scrub(text)).not.toMatch(/T0000000|canary|w0rd|cEBzcy/);
    }
    expect(scrubber.scrub('connect ECONNREFUSED example.com services')).toBe(
      'connect ECONNREFUSED example.com services',
    );
  });

  it('hides the longer of two secrets where one contains the other', () => {
    expect(scrubberOf('canary', 'canary-long').scrub('canary-long canary canary-lon')).toBe('*** *** ***-lon');
  });

  it.each([
    ['https://user:pass@example.com/x', 'https://***@example.com/x'],
    ['wss://token@example.com', 'wss://***@example.com'],
    ['GET /x?apiKey=abc&limit=5#y', 'GET /x?apiKey=***&limit=5#y'],
    ['/x?a=1&access_token=abc', '/x?a=1&access_token=***'],
    ['authorization: Basic dXNlcjpwYXNz', 'authorization: ***'],
    ['{"Authorization":"Bearer abcdefghij"}', '{"Authorization":"***"}'],
    ['sent Bearer abc.def-ghi_jkl', 'sent Bearer ***'],
  ])('hides credentials that it was never told of: %s', (text, shown) => {
    expect(scrubberOf().scrub(text).replace('Basic ', '').replace(':"Bearer ', ':"')).toBe(shown);
  });

  it.each([
    'https://fapi.binance.com/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=99',
    'mail me@example.com',
    'bearer of bad news',
    'authorization of the request failed',
    'cat',
  ])('leaves alone what gives no access: %s', (text) => {
    expect(scrubberOf('cat', '', 'abc').scrub(text)).toBe(text);
  });

  it('takes as long as the text is long, also where text is made to be slow (else this test times out)', () => {
    const scrubber = scrubberOf('a'.repeat(30), 'ab'.repeat(20), 'canary-7f3a9c');
    for (const evil of ['a', 'ab', '?', '://', '?token', '&a-', '?a&', 'authorization ', 'bearer ', '%61', '@', '=']) {
      const shown = scrubber.scrub(`${evil.repeat(500_000 / evil.length)} @ canary-7f3a9c`);
      expect(shown.endsWith(' @ ***')).toBe(true);
    }
  });
});

describe('secretsIn', () => {
  it('finds every secret, also in a value that contains itself', () => {
    const a = new Secret('a');
    const b = new Secret('b');
    const tree: Record<string, unknown> = { server: { token: a, port: 1 }, sinks: [{ url: b }, null], none: undefined };
    tree['self'] = tree;
    expect(secretsIn(tree)).toEqual([a, b]);
    expect(secretsIn(undefined)).toEqual([]);
    expect(secretsIn(a)).toEqual([a]);
  });
});
