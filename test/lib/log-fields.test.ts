import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loggable, loggableText } from '../../src/lib/log-fields.js';
import { Scrubber } from '../../src/lib/log-scrubber.js';
import { Secret } from '../../src/lib/secret.js';

const CANARY = 'canary-7f3a9c';
const scrubber = new Scrubber();
scrubber.add([new Secret(CANARY)]);

/** As it will stand in the line. */
const shown = (fields: object) => JSON.parse(JSON.stringify(loggable(fields, scrubber))) as Record<string, unknown>;

describe('loggable', () => {
  it('copies what JSON has, and what it lacks as text', () => {
    const fields = {
      text: 'a',
      number: 1.5,
      flag: false,
      none: null,
      list: [1, [2]],
      nested: { deep: { deeper: 1 } },
      at: new Date(0),
      url: new URL('http://127.0.0.1/x'),
      large: 2n ** 70n,
      bytes: Buffer.from('secret bytes'),
      shared: new SharedArrayBuffer(8),
      missing: undefined,
      method: () => 1,
    };
    expect(shown(fields)).toEqual({
      text: 'a',
      number: 1.5,
      flag: false,
      none: null,
      list: [1, [2]],
      nested: { deep: { deeper: 1 } },
      at: '1970-01-01T00:00:00.000Z',
      url: 'http://127.0.0.1/x',
      large: '1180591620717411303424',
      bytes: '[12 bytes]',
      shared: '[8 bytes]',
    });
  });

  it('shows an error with its code, its own properties and the chain of its causes', () => {
    const root = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 9 });
    const error = new TypeError('fetch failed', { cause: new AggregateError([root, 'text'], 'all failed') });
    expect(shown({ err: error })).toMatchObject({
      err: {
        type: 'TypeError',
        message: 'fetch failed',
        stack: expect.stringContaining('TypeError: fetch failed\n    at '),
        cause: {
          type: 'AggregateError',
          message: 'all failed',
          errors: [{ type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', port: 9 }, 'text'],
        },
      },
    });
  });

  it('takes an error in place of fields, also one of another realm', () => {
    expect(shown(new RangeError('x'))).toMatchObject({ err: { type: 'RangeError', message: 'x' } });
    expect(shown(runInNewContext('new RangeError("x")') as object)).toMatchObject({ err: { type: 'RangeError' } });
  });

  it('S7: hides values under names of secrets at any depth, whatever the spelling', () => {
    const headers = { Authorization: 'x', 'proxy-authorization': 'x', 'Set-Cookie': ['x'], 'X-API-Key': 1 };
    const rest = { api_key: 'x', botToken: { a: 'x' }, clientSecret: 'x', PASSWORD: 'x', private_key: 'x' };
    const masked = (fields: object) => Object.fromEntries(Object.keys(fields).map((name) => [name, '***']));
    expect(shown({ a: [{ err: Object.assign(new Error('no'), { headers, rest }) }] })).toMatchObject({
      a: [{ err: { headers: masked(headers), rest: masked(rest) } }],
    });
    expect(shown({ token: null, hasToken: true, tokens: 5 })).toEqual({ token: null, hasToken: true, tokens: 5 });
  });

  it('S7: hides secrets in texts, names, numbers and what toJSON gives', () => {
    const numeric = new Scrubber();
    numeric.add([new Secret('20261122')]);
    expect(JSON.stringify(loggable({ pin: 20261122, big: 20261122n, n: 5 }, numeric))).toBe(
      '{"pin":"***","big":"***","n":5}',
    );
    const text = JSON.stringify(
      loggable(
        {
          [CANARY]: 1,
          list: [`x${CANARY}x`],
          json: { toJSON: () => ({ url: `http://h/${CANARY}` }) },
          secret: new Secret(CANARY),
          err: new Error(CANARY, { cause: new Error(`of ${CANARY}`) }),
        },
        scrubber,
      ),
    );
    expect(text).not.toContain('canary');
    expect(text).toContain('"***":1');
  });

  it('cuts what is large: texts, lists, objects, depth, and the line as a whole', () => {
    const deep = Array.from({ length: 100 }).reduce<object>((inner) => ({ inner }), {});
    const fields = {
      text: 'x'.repeat(1e6),
      list: Array.from({ length: 1e5 }, (_, index) => index),
      object: Object.fromEntries(Array.from({ length: 1e4 }, (_, index) => [`k${index}`, index])),
      deep,
    };
    const copy = shown(fields);
    expect(copy['text']).toBe(`${'x'.repeat(2_048)}… (1000000 characters)`);
    expect(copy['list']).toHaveLength(51);
    expect((copy['list'] as unknown[]).at(-1)).toBe('… (100000 items)');
    expect((copy['object'] as Record<string, unknown>)['…']).toBe('9950 more');
    const broad = Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => fields));
    expect(JSON.stringify(loggable({ broad }, scrubber)).length).toBeLessThan(70_000);
  });

  it('P9: says so in place of what cannot be read, and shows the rest', () => {
    const cyclic: Record<string, unknown> = { name: 'a' };
    cyclic['self'] = cyclic;
    const selfCaused = new Error('loop');
    selfCaused.cause = selfCaused;
    const hostile = {
      get bad(): string {
        throw new Error('getter');
      },
      cyclic,
      selfCaused,
      json: {
        toJSON() {
          throw new Error('toJSON');
        },
      },
      endless: {
        toJSON() {
          return this;
        },
      },
      proxy: new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('trap');
          },
        },
      ),
      invalid: new Date(Number.NaN),
      good: 1,
    };
    expect(shown(hostile)).toMatchObject({
      bad: '[unreadable: getter]',
      cyclic: { name: 'a', self: '[circular]' },
      selfCaused: { message: 'loop', cause: '[circular]' },
      json: '[unreadable: toJSON]',
      endless: '[circular]',
      proxy: '[unreadable: trap]',
      invalid: null,
      good: 1,
    });
  });

  it('S8: keeps a name like __proto__ a name', () => {
    const fields = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    const copy = loggable(fields, scrubber);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(fields));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('S7: shows a secret of nothing that can be logged', () => {
    const leaf = fc.oneof(
      fc.constantFrom(CANARY, `a${CANARY}b`, encodeURIComponent(CANARY)),
      fc.string(),
      fc.integer(),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.constant(CANARY), fc.string()), tie('tree'), { maxKeys: 3 }),
        fc.tuple(leaf, tie('tree')).map(([message, cause]) => new Error(String(message), { cause })),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(JSON.stringify(loggable({ value }, scrubber))).not.toContain(CANARY);
      }),
      { numRuns: 300 },
    );
  });
});

describe('loggableText', () => {
  it('S7: shows no beginning of a secret where it cuts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 30 }), (offset, repeats) => {
        const text = `${CANARY.repeat(repeats)}${' '.repeat(offset)}${`${CANARY} `.repeat(400)}`;
        const shownText = loggableText(text, scrubber, 100 + offset);
        expect(shownText).not.toContain('can');
      }),
    );
  });

  it('hides control characters, which a terminal would obey, and keeps line breaks', () => {
    expect(loggableText('a\u001b[31mb\r\nc\td\u0000\u009b', scrubber)).toBe('a�[31mb�\nc\td��');
  });
});
