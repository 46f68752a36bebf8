import { Command, CommanderError } from 'commander';
import { ConfigError, ExchangeError, UsageError } from '../domain/errors.js';
import { LockHeldError } from '../lib/directory-lock.js';
import { analyzersCommand } from './analyzers.js';
import { cacheCommand } from './cache.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { indicatorsCommand } from './indicators.js';
import { EXIT, type Io } from './io.js';
import { runCommand } from './run.js';
import { scanCommand } from './scan.js';
import { simCommand } from './sim.js';
import { version } from './version.js';

/** A command as its file declares it; its action resolves to the exit code. */
export type CommandFactory = (io: Io, done: (exitCode: number) => void) => Command;

const COMMANDS: readonly CommandFactory[] = [
  runCommand,
  scanCommand,
  doctorCommand,
  simCommand,
  indicatorsCommand,
  analyzersCommand,
  cacheCommand,
  configCommand,
];

/** Runs one command. Resolves to the exit code, whatever happens; every error becomes a message on stderr. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command('candlescan')
    .description('Scans every USDT perpetual of an exchange and prints trading signals. It never places an order.')
    .version(version())
    .showHelpAfterError('(candlescan --help lists the commands)');
  for (const create of COMMANDS) {
    program.addCommand(
      create(io, (code) => {
        exitCode = code;
      }),
    );
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportError(error, io);
  }
}

function reportError(error: unknown, { stderr }: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  stderr.write(`candlescan: ${message}\n`);
  if (error instanceof ConfigError) return EXIT.configWrong;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof ExchangeError) return EXIT.exchangeUnreachable;
  if (error instanceof LockHeldError) return EXIT.dataDirInUse;
  if (error instanceof Error && error.stack !== undefined) stderr.write(`${error.stack}\n`);
  return EXIT.failed;
}
