import { Command } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { DoctorReport } from '../doctor/contract.js';
import { ConfigError } from '../domain/errors.js';
import { systemClock } from '../lib/clock.js';
import { type CommonOptions, colourAllowed, configOf, withCommonOptions } from './common.js';
import { type OpenExchange, openExchange } from './embedded.js';
import { EXIT, type Io } from './io.js';
import { paintFor } from './paint.js';

interface DoctorOptions extends CommonOptions {
  readonly checkSinks: boolean;
}

export function doctorCommand(io: Io, done: (exitCode: number) => void): Command {
  return withCommonOptions(new Command('doctor'))
    .description('checks configuration, environment, directories, lock, exchange, clock, budget and port')
    .option('--check-sinks', 'opens a connection to every sink and sends nothing', false)
    .action(async (options: DoctorOptions) => done(await diagnose(options, io)));
}

async function diagnose(options: DoctorOptions, io: Io): Promise<number> {
  const config = await configOrFault(options, io);
  const report = await examine(config, options, io);
  const text = options.json ? `${JSON.stringify(report)}\n` : await viewOf(report, options, io);
  io.stdout.write(text);
  // The table says it too; as an error it ends the command like any other.
  if (config instanceof ConfigError) throw config;
  return report.ok ? EXIT.done : EXIT.failed;
}

async function configOrFault(options: DoctorOptions, io: Io): Promise<LoadedConfig | ConfigError> {
  try {
    return await configOf(options, io);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

async function examine(
  config: LoadedConfig | ConfigError,
  { checkSinks }: DoctorOptions,
  io: Io,
): Promise<DoctorReport> {
  const [{ runDoctor }, { systemProbes }] = await Promise.all([
    import('../doctor/doctor.js'),
    import('../doctor/system-probes.js'),
  ]);
  let exchange: Promise<OpenExchange> | null = null;
  const addresses = (of: Config) => (exchange ??= openExchange(of, { latencyMs: 0, symbols: null }));
  const probes = systemProbes({ env: io.env, clock: systemClock, random: Math.random, addresses });
  try {
    return await runDoctor({ config, probes, clock: systemClock, checkSinks });
  } finally {
    // One that could not be started has been reported, and has nothing to close.
    await (exchange as Promise<OpenExchange> | null)?.then((opened) => opened.close()).catch(() => undefined);
  }
}

async function viewOf(report: DoctorReport, options: DoctorOptions, io: Io): Promise<string> {
  const { doctorView } = await import('./doctor-view.js');
  return doctorView(report, paintFor(io.stdout, colourAllowed(options, io)));
}
