// Logs to its own stderr. Arguments: the base URL of the compiled sources and what to do:
// `flood` writes more than anybody reads; `late` goes on after its reader went away; `throw` ends by an error nobody caught.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const [sources, what] = process.argv.slice(2);
const { createLogger } = await import(new URL('cli/logger.js', sources).href);

const log = await createLogger('info', { stderr: process.stderr }, false, { fold: {} });
const report = () => process.stdout.write(`${JSON.stringify(log.stats())}\n`);

if (what === 'throw') {
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'uncaught error');
    process.exit(1);
  });
  log.error('before');
  log.error('before');
  throw new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'EINNER' }) });
}
if (what === 'flood') {
  // What nobody reads would keep the process until somebody does.
  process.on('SIGTERM', () => log.close().then(() => process.exit(0)));
  for (let line = 0; line < 3_000; line++) log.info({ line, text: 'x'.repeat(1_000) }, 'flood');
  report();
}
if (what === 'late') {
  log.info('first');
  await once(process.stdin, 'data');
  for (let line = 0; line < 5; line++) {
    log.error({ line }, `line ${line}`);
    await delay(5);
  }
  await log.close();
  report();
  process.stdin.destroy();
}
