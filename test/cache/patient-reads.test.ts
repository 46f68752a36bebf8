import { describe, expect, it } from 'vitest';
import { PatientReads } from '../../src/cache/patient-reads.js';
import { FakeClock, SECOND, settled } from '../support/fake-clock.js';

/** A disk that answers when told; in the order asked. */
function rig() {
  const clock = new FakeClock();
  const begun: ((outcome: Buffer | Error) => void)[] = [];
  const read = () =>
    new Promise<Buffer>((resolve, reject) => {
      begun.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
    });
  const reads = new PatientReads({ read }, clock);
  const ask = () => reads.read('dir', 'sha512-x').then(String, (error: NodeJS.ErrnoException) => error.code);
  return { clock, begun, reads, ask };
}

describe('PatientReads', () => {
  it('gives what the disk gives, and its errors', async () => {
    const { clock, begun, ask } = rig();
    const [good, bad] = [ask(), ask()];
    await settled();
    begun[0]?.(Buffer.from('content'));
    begun[1]?.(Object.assign(new Error('made up'), { code: 'EIO' }));
    expect([await good, await bad]).toEqual(['content', 'EIO']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('begins three reads at once, so that a disk that hangs leaves one of Node’s four threads', async () => {
    const { clock, begun, ask } = rig();
    const asked = Array.from({ length: 9 }, ask);
    await settled();
    expect(begun).toHaveLength(3);
    await clock.advance(3 * SECOND);
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 9 }, () => 'ETIMEDOUT'));
    expect(begun).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fails at once while a read hangs, and reads again when none does', async () => {
    const { clock, begun, reads, ask } = rig();
    const late = ask();
    await clock.advance(3 * SECOND - 1);
    expect(reads.isHanging).toBe(false);
    await clock.advance(1);
    expect(await late).toBe('ETIMEDOUT');
    expect(reads.isHanging).toBe(true);
    expect(await ask()).toBe('ETIMEDOUT');
    expect(begun).toHaveLength(1);
    begun[0]?.(Buffer.from('too late'));
    await settled();
    expect(reads.isHanging).toBe(false);
    const again = ask();
    await settled();
    begun[1]?.(Buffer.from('content'));
    expect(await again).toBe('content');
  });
});
