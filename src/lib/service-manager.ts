import { execFile } from 'node:child_process';
import type { Cancel, Clock } from './clock.js';

/** Tells systemd `assignments` (sd_notify(3): `READY=1`); rejects when it could not be told. */
export type Notify = (assignments: readonly string[]) => Promise<void>;

/** `process.send`, which exists only in a process that was started with an IPC channel, as pm2 does. */
export type Send = (message: string, callback: (error: Error | null) => void) => unknown;

export interface ServiceManagerOptions {
  /** What says who started this process: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`, `pm_id`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly send?: Send | undefined;
  readonly notify?: Notify;
  readonly pid?: number;
  /** Whether the work goes on. While it does not, the watchdog hears nothing, and systemd restarts the process. */
  readonly isAlive?: () => boolean;
  /** It is called ready by then whatever it waits for, before its manager ends it for being late; 120 s by default. */
  readonly readyWithinMs?: number;
}

export interface ServiceManagerStats {
  readonly pings: number;
  /** Pings that were not sent because the work did not go on. */
  readonly withheld: number;
  /** Messages that did not arrive. */
  readonly failures: number;
}

/** Tells systemd and pm2 how the process fares. Nothing throws or rejects, and nothing is done where neither listens. */
export interface ServiceManager {
  /** The service can be used. From here on the watchdog is fed. */
  ready(): void;
  /** It ends now; the watchdog is fed until `stop`. */
  stopping(): void;
  /** Ends the pings; resolves when the last message is out. */
  stop(): Promise<void>;
  /** What to exit with in place of `code`; see `STOPPED_EARLY`. */
  exitCode(code: number): number;
  stats(): ServiceManagerStats;
}

/**
 * What a process exits with under pm2 in place of 0 when it was stopped before it was ready. pm2 7.0.4 with `wait_ready`
 * takes such a process for one that crashed and starts it again: `pm2 stop` does not stop it, and `pm2 restart` leaves
 * two, one of which pm2 knows nothing of. An exit code of `stop_exit_codes` ends that, and 0 cannot be among them,
 * because pm2 also sees a 0 when a signal has ended the process (`lib/God.js`). 143 is 128 + SIGTERM, as shells say it.
 */
export const STOPPED_EARLY = 143;

const READY_WITHIN_MS = 120_000;
const NOTIFY_TIMEOUT_MS = 5_000;

export function createServiceManager(options: ServiceManagerOptions): ServiceManager {
  return new Supervised(options);
}

class Supervised implements ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #notify: Notify | null;
  readonly #pingMs: number | null;
  readonly #stats = { pings: 0, withheld: 0, failures: 0 };
  /** One after the other, so that systemd hears them in order. */
  #last: Promise<void> = Promise.resolve();
  #state: 'starting' | 'ready' | 'ending' = 'starting';
  #wasReady = false;
  #pinging = false;
  #cancelPing: Cancel | null = null;
  #cancelReady: Cancel | null = null;

  constructor(options: ServiceManagerOptions) {
    const { env, clock, send, pid = process.pid, readyWithinMs = READY_WITHIN_MS } = options;
    this.#options = options;
    this.#notify = env['NOTIFY_SOCKET'] ? (options.notify ?? systemdNotify(env)) : null;
    this.#pingMs = this.#notify === null ? null : pingEveryMs(env, pid);
    if (this.#notify === null && send === undefined) return;
    this.#cancelReady = clock.setTimer(readyWithinMs, () => this.ready());
  }

  ready(): void {
    if (this.#state !== 'starting') return;
    this.#state = 'ready';
    this.#wasReady = true;
    this.#cancelReady?.();
    void this.#tell(['READY=1']);
    this.#send('ready');
    this.#arm();
  }

  stopping(): void {
    if (this.#state === 'ending') return;
    this.#end();
    void this.#tell(['STOPPING=1']);
  }

  async stop(): Promise<void> {
    this.#end();
    this.#cancelPing?.();
    await this.#last;
  }

  exitCode(code: number): number {
    const underPm2 = this.#options.send !== undefined && this.#options.env['pm_id'] !== undefined;
    return code === 0 && underPm2 && !this.#wasReady ? STOPPED_EARLY : code;
  }

  stats(): ServiceManagerStats {
    return { ...this.#stats };
  }

  #end(): void {
    this.#state = 'ending';
    this.#cancelReady?.();
  }

  #arm(): void {
    if (this.#pingMs === null) return;
    this.#cancelPing = this.#options.clock.setTimer(this.#pingMs, () => {
      this.#arm();
      this.#ping();
    });
  }

  #ping(): void {
    // One that hangs must not be followed by a queue of others.
    if (this.#pinging) return;
    if (!this.#isAlive()) {
      this.#stats.withheld += 1;
      return;
    }
    this.#pinging = true;
    this.#stats.pings += 1;
    void this.#tell(['WATCHDOG=1']).finally(() => {
      this.#pinging = false;
    });
  }

  #isAlive(): boolean {
    try {
      return this.#options.isAlive?.() ?? true;
    } catch {
      return false;
    }
  }

  #tell(assignments: readonly string[]): Promise<void> {
    const notify = this.#notify;
    if (notify === null) return this.#last;
    this.#last = this.#last.then(() => notify(assignments)).catch(() => this.#failed());
    return this.#last;
  }

  #send(message: string): void {
    try {
      // Without a callback a closed channel becomes an 'error' event of the process, which ends it.
      this.#options.send?.(message, (error) => {
        if (error !== null) this.#failed();
      });
    } catch {
      this.#failed();
    }
  }

  #failed(): void {
    this.#stats.failures += 1;
  }
}

/** Half of what systemd allows (sd_watchdog_enabled(3)); null when it watches nothing, or another process. */
function pingEveryMs(env: ServiceManagerOptions['env'], pid: number): number | null {
  const watched = env['WATCHDOG_PID'];
  if (watched !== undefined && watched !== String(pid)) return null;
  const allowedMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1_000;
  return Number.isFinite(allowedMs) && allowedMs > 0 ? allowedMs / 2 : null;
}

/**
 * Through the command, because Node cannot send datagrams to a Unix socket. Being a child, it needs `NotifyAccess=all`;
 * from systemd 246 on it waits until systemd has read what it said. It gets no more of the environment than it needs.
 */
function systemdNotify({ NOTIFY_SOCKET, PATH }: ServiceManagerOptions['env']): Notify {
  const env = { NOTIFY_SOCKET, PATH };
  return (assignments) =>
    new Promise((resolve, reject) => {
      const options = { env, timeout: NOTIFY_TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
      execFile('systemd-notify', [...assignments], options, (error) => (error === null ? resolve() : reject(error)));
    });
}
