// A socket whose peer sends too much, in a process of its own, because its memory is what is measured.
// Arguments: the folder of the compiled program, the peer's address. It connects twice to get warm, and again when told.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';

const [build, url] = process.argv.slice(2);
const load = (path) => import(new URL(path, build).href);
const { openWebSocket } = await load('pipeline/stream/socket.js');
const { collectGarbage } = await load('lib/collect-garbage.js');

const nothing = () => {};
const connect = () =>
  new Promise((resolve) => {
    const closed = ({ reason }) => resolve(reason);
    openWebSocket(url, { opened: nothing, message: nothing, binary: nothing, closed });
  });
/** The most memory that was resident since the peak was reset, bytes. */
const peak = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;

for (let warm = 0; warm < 2; warm++) await connect();
collectGarbage();
writeFileSync('/proc/self/clear_refs', '5');
const before = peak();
process.stdout.write('warm\n');
await once(process.stdin, 'data');
const reason = await connect();
process.stdout.write(`${JSON.stringify({ reason, grownMib: (peak() - before) / 2 ** 20 })}\n`);
process.stdin.destroy();
