import { describe, expect, it } from 'vitest';
import { type ConfigSources, loadConfig } from '../../src/config/load.js';
import type { Check, ExchangeFacts } from '../../src/doctor/contract.js';
import { type DoctorOptions, runDoctor } from '../../src/doctor/doctor.js';
import type { Probes, ProcessFacts } from '../../src/doctor/probes.js';
import { FakeClock } from './fake-clock.js';
import { named } from './universe.js';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

export const HEALTHY_PROCESS: ProcessFacts = {
  pid: 4_242,
  nodeVersion: '24.10.0',
  uid: 1_000,
  env: {},
  execArgv: [],
  memoryBytes: 8 * GIB,
  heapLimitBytes: 4 * GIB,
};

/** 530 symbols, as the real exchange has. */
export const HEALTHY_EXCHANGE: ExchangeFacts = {
  url: 'https://exchange.test',
  roundTripMs: 42,
  skewMs: 3,
  weightLimit: 2_400,
  listed: 900,
  symbols: named(530),
};

/** A machine and an exchange on which nothing is wrong. */
export function healthyProbes(changes: Partial<Probes> = {}): Probes {
  return {
    process: HEALTHY_PROCESS,
    directory: async (path) => ({ nearest: path, stat: { mode: 0o40700, uid: 1_000 }, error: null }),
    disk: async () => ({ freeBytes: 100 * GIB, freeFiles: 1_000_000 }),
    cacheBytes: async () => 0,
    openFilesLimit: async () => 1_024,
    lock: async () => ({ held: false }),
    bind: async () => null,
    resolve: async () => ['192.0.2.1'],
    connect: async () => null,
    analyzers: async () => ({ analyzers: [], refused: [] }),
    exchange: async () => HEALTHY_EXCHANGE,
    stream: async () => ({ url: 'wss://stream.test', firstFrameMs: 120 }),
    ...changes,
  };
}

export interface Patient extends Partial<Omit<DoctorOptions, 'config' | 'probes'>> {
  readonly config?: Omit<ConfigSources, 'cores'>;
  readonly probes?: Partial<Probes>;
}

export function diagnose({ config = {}, probes = {}, ...options }: Patient = {}) {
  return runDoctor({
    config: loadConfig({ ...config, cores: 2 }),
    probes: healthyProbes(probes),
    clock: new FakeClock(),
    ...options,
  });
}

/** One row of the report. */
export async function checkOf(id: string, patient: Patient = {}): Promise<Check> {
  const { checks } = await diagnose(patient);
  const check = checks.find((check) => check.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return check;
}

export function failing(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made up`), { code });
}

/** Another process that holds the lock of the data directory. */
export const holder = { pid: 77, startedAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', command: 'run' };

export const running = (changes: Partial<ProcessFacts>): Patient => ({
  probes: { process: { ...HEALTHY_PROCESS, ...changes } },
});
export const set = (...settings: string[]): Patient => ({ config: { set: settings } });

export type Row = readonly [what: string, id: string, patient: Patient, status: string, found: RegExp];

/** A test of each row: what the check of this id finds of the patient, and what it makes of that. */
export function describeChecks(topic: string, rows: readonly Row[]): void {
  describe(`the doctor on the ${topic}`, () => {
    it.each(rows)('notices %s (%s)', async (_, id, patient, status, found) => {
      const check = await checkOf(id, patient);
      expect(check.found).toMatch(found);
      expect(check.status).toBe(status);
      if (status === 'ok' || status === 'skipped') return;
      expect([check.expected, check.fix]).not.toContain(null);
    });
  });
}
