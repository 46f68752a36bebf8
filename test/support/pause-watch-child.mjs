// Watches itself for pauses. Arguments: the base URL of the built program, the beat and the tolerance in ms. Prints a line
// of JSON when it watches and one for each notice; told `work MS` on stdin it uses that much processor time at a stretch.
const [dist, beat, tolerance] = process.argv.slice(2);
const { PauseWatch } = await import(new URL('lib/pause-watch.js', dist).href);
const { systemProbe } = await import(new URL('lib/process-probe.js', dist).href);
const { systemClock } = await import(new URL('lib/clock.js', dist).href);

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const options = { beatMs: Number(beat), toleranceMs: Number(tolerance) };
const watch = new PauseWatch({ clock: systemClock, probe: systemProbe, onNotice: print, ...options });
watch.start();
print({ kind: 'watching', ms: 0 });

process.stdin.setEncoding('utf8').on('data', (line) => {
  const until = systemProbe.cpuMs() + Number(line.split(' ')[1]);
  while (systemProbe.cpuMs() < until);
});
process.stdin.on('end', () => watch.stop());
