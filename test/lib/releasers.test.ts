import { describe, expect, it } from 'vitest';
import { Releasers } from '../../src/lib/releasers.js';

describe('Releasers', () => {
  it('releases in reverse order, waits for each, and only once', async () => {
    const order: string[] = [];
    const releasers = new Releasers();
    releasers.push(() => void order.push('first'));
    releasers.push(async () => {
      await Promise.resolve();
      order.push('second');
    });
    await Promise.all([releasers.release(), releasers.release()]);
    expect(order).toEqual(['second', 'first']);
  });

  it('tries everything and then reports every failure', async () => {
    const order: string[] = [];
    const releasers = new Releasers();
    releasers.push(() => void order.push('first'));
    releasers.push(() => {
      throw new Error('a');
    });
    releasers.push(() => Promise.reject(new Error('b')));
    await expect(releasers.release()).rejects.toMatchObject({ errors: [{ message: 'b' }, { message: 'a' }] });
    expect(order).toEqual(['first']);
  });
});
