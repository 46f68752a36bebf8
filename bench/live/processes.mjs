import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The embedded exchange in a process of its own. Resolves to its addresses when it listens. */
export async function startSim(...args) {
  const child = spawn(process.execPath, [MAIN, 'sim', ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the exchange ended with ${code}`)));
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), gone]);
  gone.catch(() => undefined);
  return { ...JSON.parse(line), stop: () => ended(child, 'SIGTERM') };
}

/**
 * `candlescan run`. `readyMs` and `listeningMs` are counted from its start; `url` is where it serves. Rejects when it ends
 * before it is ready.
 */
export async function startDaemon({ dataDir, settings, nodeOptions = [], env = {} }) {
  const args = ['run', '--data-dir', dataDir, ...settings.flatMap((setting) => ['--set', setting])];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const { url, listeningMs, readyMs } = await ready(child, startedMs);
  return { url, listeningMs, readyMs, signal: (name) => child.kill(name), end: (signal) => ended(child, signal) };
}

/** Ends the process and resolves to how long that took, in milliseconds, and to its exit code. */
async function ended(child, signal) {
  const startedMs = performance.now();
  const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
  child.kill(signal);
  await exited;
  return { tookMs: performance.now() - startedMs, code: child.exitCode };
}

/** Reads the log until the first cycle has ended; what comes after it is read and dropped. */
function ready(child, startedMs) {
  const tail = [];
  return new Promise((resolve, reject) => {
    let url = '';
    let listeningMs = Number.NaN;
    createInterface({ input: child.stderr }).on('line', (line) => {
      tail.push(line);
      if (tail.length > 5) tail.shift();
      const { msg, url: at, level } = parsed(line);
      if (level === 'fatal') process.stderr.write(`${line}\n`);
      if (msg === 'listening for HTTP') {
        url = at;
        listeningMs = performance.now() - startedMs;
      }
      if (msg === 'ready') resolve({ url, listeningMs, readyMs: performance.now() - startedMs });
    });
    child.once('exit', () => reject(new Error(`the daemon ended; its last words:\n${tail.join('\n')}`)));
  });
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
