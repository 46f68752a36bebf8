import pLimit from 'p-limit';
import { Pool } from 'undici';

// A process of its own: the same requests as a scan, through the same window, and nothing is parsed.

export interface FloorTask {
  readonly restUrl: string;
  /** Asked for first, one after the other's start: the list of markets and the time. */
  readonly first: readonly string[];
  readonly paths: readonly string[];
  readonly window: number;
}

export interface FloorResult {
  readonly requestsMs: number;
}

async function measure({ restUrl, first, paths, window }: FloorTask): Promise<FloorResult> {
  const pool = new Pool(restUrl, { connections: window, pipelining: 1 });
  // As the scan does: nothing is compressed that stays on the machine.
  const encoding = new URL(restUrl).hostname.startsWith('127.') ? 'identity' : 'gzip';
  const get = async (path: string): Promise<void> => {
    const { statusCode, body } = await pool.request({ path, method: 'GET', headers: { 'accept-encoding': encoding } });
    if (statusCode !== 200) throw new Error(`GET ${path}: found status ${statusCode}, expected 200`);
    await body.arrayBuffer();
  };
  const start = performance.now();
  await Promise.all(first.map(get));
  const limit = pLimit(window);
  await Promise.all(paths.map((path) => limit(get, path)));
  const requestsMs = performance.now() - start;
  await pool.close();
  return { requestsMs };
}

process.once('message', (task) => {
  void measure(task as FloorTask).then((result) => process.send?.(result, () => process.disconnect()));
});
