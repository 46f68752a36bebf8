import { uptime } from 'node:os';

/** What a process has used so far. Only differences mean something. */
export interface ProcessProbe {
  /** Time that the main thread has spent outside of waiting for events, ms; goes on while it is stopped there. */
  activeMs(): number;
  /** Processor time of all threads, ms. */
  cpuMs(): number;
  /** Time since the machine was started, ms, the time it was suspended included; to 10 ms on Linux, to 1 s on macOS. */
  uptimeMs(): number;
}

export const systemProbe: ProcessProbe = {
  activeMs: () => performance.eventLoopUtilization().active,
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
  uptimeMs: () => uptime() * 1_000,
};
