// A process that does what it is told on stdin, a word a line, and answers each with a line of JSON: `guard` keeps the
// inspector closed, `url` tells where it listens. Attempts are lines of their own. Argument: the base URL of the
// compiled sources.
import inspector from 'node:inspector';
import { createInterface } from 'node:readline';

const { guardInspector } = await import(new URL('lib/inspector-guard.js', process.argv[2]).href);
const { systemClock } = await import(new URL('lib/clock.js', process.argv[2]).href);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

say('ready');
for await (const word of createInterface({ input: process.stdin })) {
  if (word === 'guard') {
    const onAttempt = (attempt) => say({ attempt });
    guardInspector({ clock: systemClock, nodeOptions: process.env.NODE_OPTIONS, onAttempt });
    say('guarded');
  }
  if (word === 'url') say({ url: inspector.url() ?? null });
}
