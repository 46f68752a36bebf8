import { Endurance, type Sample } from './endurance.js';

/** What the process is told, as JSON in its first argument. */
export interface SoakOrder {
  readonly symbols: readonly string[];
  readonly slots: number;
  /** Every how many slots a sample is taken. */
  readonly sampleEvery: number;
  readonly dir: string;
  readonly workerUrl: string;
}

/** What it says on its standard output, as JSON. */
export type SoakReport = Awaited<ReturnType<typeof soak>>;

async function soak({ symbols, slots, sampleEvery, dir, workerUrl }: SoakOrder) {
  const warnings: string[] = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const endurance = await Endurance.start({
    symbols,
    slots,
    dir,
    quietShare: 0.1,
    seed: 12,
    flushEvery: Math.ceil(slots / 1_000),
    workerUrl: new URL(workerUrl),
  });
  const samples: Sample[] = [];
  for (let slot = sampleEvery; slot <= slots; slot += sampleEvery) {
    await endurance.foul(sampleEvery);
    samples.push(endurance.sample(slot));
  }
  const { rig, lies, strikes, flushes, incomplete } = endurance;
  const { stream, gaps } = rig.live.stats();
  const { mismatches } = rig;
  return {
    samples,
    lies,
    wrongHeld: endurance.wrongHeld(),
    errors: rig.errors.map(String),
    mismatches,
    strikes,
    flushes,
    incomplete,
    reconnects: stream.reconnects,
    gaps,
    ...(await endurance.stop()),
    warnings,
  };
}

process.stdout.write(JSON.stringify(await soak(JSON.parse(process.argv[2] as string) as SoakOrder)));
