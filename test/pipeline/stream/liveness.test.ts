import { describe, expect, it } from 'vitest';
import { Liveness } from '../../../src/pipeline/stream/liveness.js';

const NOTHING = { renew: [], move: [], suspect: [] };

describe('Liveness', () => {
  it('W2: renews a silent stream, then moves it, then reports it once and goes on renewing', () => {
    const liveness = new Liveness();
    expect(liveness.judge(['A'], 200)).toEqual({ ...NOTHING, renew: ['A'] });
    expect(liveness.judge(['A'], 200)).toEqual({ ...NOTHING, move: ['A'] });
    expect(liveness.judge(['A'], 200)).toEqual({ ...NOTHING, renew: ['A'], suspect: ['A'] });
    expect(liveness.judge(['A'], 200)).toEqual({ ...NOTHING, renew: ['A'] });
  });

  it('starts anew with a stream that came back', () => {
    const liveness = new Liveness();
    liveness.judge(['A', 'B'], 200);
    liveness.judge(['B'], 200);
    expect(liveness.judge(['A', 'B'], 200)).toEqual({ renew: ['A', 'B'], move: [], suspect: ['B'] });
  });

  it('moves nothing while most streams are silent', () => {
    const liveness = new Liveness();
    liveness.judge(['A', 'B'], 3);
    expect(liveness.judge(['A', 'B'], 3)).toEqual({ ...NOTHING, renew: ['A', 'B'] });
  });

  it('W4: suspects the endpoint once after three mute connections for each one in use, and trusts it again with data', () => {
    const liveness = new Liveness();
    expect(Array.from({ length: 7 }, () => liveness.mute(2))).toEqual([false, false, false, false, false, true, false]);
    expect(liveness.endpointSuspect).toBe(true);
    expect(liveness.proven()).toBe(true);
    expect(liveness.proven()).toBe(false);
    expect(liveness.endpointSuspect).toBe(false);
  });

  it('forgets mute connections when one brings data', () => {
    const liveness = new Liveness();
    liveness.mute(1);
    liveness.mute(1);
    liveness.proven();
    expect(liveness.mute(1)).toBe(false);
  });
});
