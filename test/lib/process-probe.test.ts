import { describe, expect, it } from 'vitest';
import { systemProbe } from '../../src/lib/process-probe.js';

describe('systemProbe', () => {
  it('counts the processor time that was used, and the main thread as active meanwhile', async () => {
    // Before the event loop has gone round once it counts nothing.
    await new Promise(setImmediate);
    const before = { activeMs: systemProbe.activeMs(), cpuMs: systemProbe.cpuMs() };
    while (systemProbe.cpuMs() < before.cpuMs + 50);
    expect(systemProbe.activeMs() - before.activeMs).toBeGreaterThan(20);
  });

  it('tells the uptime of the machine in milliseconds, which never runs backwards', () => {
    const before = systemProbe.uptimeMs();
    expect(before).toBeGreaterThan(performance.now() / 2);
    expect(systemProbe.uptimeMs()).toBeGreaterThanOrEqual(before);
  });
});
