// Starts the embedded exchange as a child and then does nothing until it is killed. Arguments: the base URL of the built
// program, then the child's arguments. Prints the child's pid and address.
const [dist, ...argv] = process.argv.slice(2);
const { startSimProcess } = await import(new URL('sim/process.js', dist).href);
const { systemClock } = await import(new URL('lib/clock.js', dist).href);

const { pid, restUrl } = await startSimProcess({ argv, clock: systemClock });
process.stdout.write(`${JSON.stringify({ pid, restUrl })}\n`);
setInterval(() => {}, 2 ** 30);
