import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/lib/secret.js';

describe('Secret', () => {
  const secret = new Secret('canary-7f3a');

  it('gives its value to reveal only', () => {
    expect(secret.reveal()).toBe('canary-7f3a');
    const shown = [
      'token: '.concat(secret as unknown as string),
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(Object.getOwnPropertyDescriptors(secret)),
    ];
    expect(shown.join('\n')).not.toContain('canary');
  });

  it('shows itself as three stars', () => {
    expect(JSON.stringify([secret])).toBe('["***"]');
    expect(inspect(secret)).toBe('***');
  });
});
