import { Command } from 'commander';
import { UsageError } from '../domain/errors.js';
import { type CommonOptions, withCommonOptions } from './common.js';
import { EXIT, type Io } from './io.js';

interface IndicatorsOptions extends CommonOptions {
  readonly params: readonly string[];
  readonly csv?: string;
}

export function indicatorsCommand(io: Io, done: (exitCode: number) => void): Command {
  return withCommonOptions(new Command('indicators'))
    .description('lists the indicators, or computes one over a candle file, a row per candle')
    .argument('[name]', 'the indicator to compute')
    .option(
      '--params <name=value...>',
      'its parameters, such as period=14',
      (value, all: string[]) => [...all, ...value.split(',')],
      [],
    )
    .option('--csv <file>', 'candles: open_time_ms,open,high,low,close,volume (.gz too)')
    .action(async (name: string | undefined, options: IndicatorsOptions) => {
      if (name === undefined) await list(options, io);
      else await compute(name, options, io);
      done(EXIT.done);
    });
}

async function list(options: IndicatorsOptions, { stdout }: Io): Promise<void> {
  const { listIndicators, resolveParameters } = await import('../analyzers/indicators/registry.js');
  const rows = listIndicators().map((indicator) => {
    const parameters = resolveParameters(indicator, {});
    const { name, description, outputs } = indicator;
    return { name, parameters, outputs, warmup: indicator.warmup(parameters), description };
  });
  if (options.json) {
    stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const { plainTable } = await import('./plain-table.js');
  const table = plainTable(['name', 'parameters', 'outputs', 'warmup', 'what']);
  for (const { name, parameters, outputs, warmup, description } of rows) {
    const shown = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
    table.push([name, shown.join(' '), outputs.join(' '), warmup, description]);
  }
  stdout.write(`${table.toString()}\n`);
}

async function compute(name: string, options: IndicatorsOptions, { stdout }: Io): Promise<void> {
  const { computeIndicator, indicatorNamed, resolveParameters, createScratch } = await import(
    '../analyzers/indicators/registry.js'
  );
  if (options.csv === undefined)
    throw new UsageError(`indicators ${name}: --csv FILE names the candles to compute it over`);
  const indicator = allowed(() => indicatorNamed(name));
  const parameters = allowed(() => resolveParameters(indicator, parseParameters(options.params)));
  const { readCandleFile } = await import('./candle-file.js');
  const candles = await readCandleFile(options.csv);
  const columns = computeIndicator(indicator, candles, parameters, createScratch());
  const rows = Array.from(candles.openTime, (openTime, row) => [
    openTime,
    ...indicator.outputs.map((output) => finiteOrNull(columns[output]?.[row])),
  ]);
  if (options.json) {
    const warmup = indicator.warmup(parameters);
    stdout.write(`${JSON.stringify({ indicator: name, parameters, warmup, columns: indicator.outputs, rows })}\n`);
    return;
  }
  stdout.write(`${['open_time_ms', ...indicator.outputs].join(',')}\n`);
  for (const row of rows) stdout.write(`${row.map((cell) => cell ?? '').join(',')}\n`);
}

function parseParameters(pairs: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, text] = /^([A-Za-z]\w*)=(\S+)$/.exec(pair) ?? [];
      const value = Number(text);
      if (key === undefined || !Number.isFinite(value)) {
        throw new UsageError(`--params: found ${pair}, allowed name=number, such as period=14`);
      }
      return [key, value];
    }),
  );
}

/** What the registry refuses is what the user typed. */
function allowed<T>(choose: () => T): T {
  try {
    return choose();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
