import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHold, writeHold } from '../../../src/pipeline/exchange/hold-file.js';
import { temporaryDir } from '../../support/cli.js';

const HOLD = { exchange: 'binanceusdm', until: 1_767_225_600_000, reason: 'banned' } as const;

describe('the hold file', () => {
  it('X2: gives the next process the time that the exchange gave, for the same exchange only', () => {
    const file = join(temporaryDir(), 'new', 'exchange-hold.json');
    expect(readHold(file, 'binanceusdm')).toBeNull();
    expect(writeHold(file, HOLD)).toBeNull();
    expect(readHold(file, 'binanceusdm')).toBe(HOLD.until);
    expect(readHold(file, 'http://127.0.0.1:9000')).toBeNull();
    expect(readdirSync(join(file, '..'))).toEqual(['exchange-hold.json']);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"exchange":"binanceusdm","until":"soon"}',
    '{"exchange":"binanceusdm","until":1e999}',
  ])('holds nothing when it is damaged: %j', (text) => {
    const file = join(temporaryDir(), 'exchange-hold.json');
    writeFileSync(file, text);
    expect(readHold(file, 'binanceusdm')).toBeNull();
  });

  it('says why it could not be written', () => {
    const file = join(temporaryDir(), 'exchange-hold.json');
    mkdirSync(file);
    expect(writeHold(file, HOLD)).toBeInstanceOf(Error);
  });
});
