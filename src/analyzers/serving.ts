import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ConfigError } from '../domain/errors.js';
import { saveCompiledCode } from '../lib/compiled-code.js';
import { technicalLibrary } from './indicators/technical/library.js';
import { loadRegistry } from './load.js';
import type { AnalyzeRequest, WorkerMessage, WorkerSetup } from './messages.js';
import { describeFailure } from './opinion.js';
import { progressWriter } from './progress.js';
import { type ActiveAnalyzer, describeAnalyzer } from './registry.js';
import { analyzeBatch } from './runner.js';

/** Of a thread; further ones are swallowed, so that a runaway timer cannot flood the main thread. */
const MOST_STRAYS = 20;

const port = parentPort;
if (port === null) throw new Error('this module serves a worker thread');
const send = (message: WorkerMessage) => port.postMessage(message);

// What an analyzer leaves behind (a timer, a rejected promise) must not end the thread that serves the others.
let strays = 0;
const onStray = (thrown: unknown) => {
  strays += 1;
  if (strays <= MOST_STRAYS) send({ type: 'stray', message: describeFailure(thrown).message });
};
process.on('uncaughtException', onStray).on('unhandledRejection', onStray);

const setup = workerData as WorkerSetup;
const progress = progressWriter(setup.progress);

function analyze({ id, batch, analyzers }: AnalyzeRequest, byName: ReadonlyMap<string, ActiveAnalyzer>): WorkerMessage {
  try {
    const active = analyzers.map((name) => byName.get(name)).filter((found) => found !== undefined);
    return { type: 'result', id, result: analyzeBatch(batch, active, { progress }) };
  } catch (thrown) {
    return { type: 'failed', id, message: describeFailure(thrown).message };
  }
}

async function serve(port: MessagePort): Promise<void> {
  try {
    const loaded = await loadRegistry(setup.modules, progress);
    const refused = [...setup.refused, ...loaded.refused];
    const active = loaded.registry.enable(setup.enabled ?? undefined, { lenient: refused.length > 0 });
    const byName = new Map(active.map((entry) => [entry.analyzer.name, entry]));
    port.on('message', (request: AnalyzeRequest) => {
      send(analyze(request, byName));
      // A thread is ended from outside, without a last moment of its own.
      setImmediate(saveCompiledCode);
    });
    send({ type: 'ready', analyzers: active.map(describeAnalyzer), refused });
    // Most of its loading falls into the time in which the first candles are fetched.
    setImmediate(technicalLibrary);
  } catch (error) {
    const misconfigured = error instanceof ConfigError;
    send({ type: 'unusable', message: misconfigured ? error.message : describeFailure(error).message, misconfigured });
  }
}

void serve(port);
