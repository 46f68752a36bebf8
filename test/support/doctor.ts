import { type ConfigSources, loadConfig } from '../../src/config/load.js';
import type { Check, ExchangeFacts } from '../../src/doctor/contract.js';
import { type DoctorOptions, runDoctor } from '../../src/doctor/doctor.js';
import type { Probes, ProcessFacts } from '../../src/doctor/probes.js';
import { FakeClock } from './fake-clock.js';

const GIB = 2 ** 30;

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
  symbols: Array.from({ length: 530 }, (_, index) => `S${index}USDT`),
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
