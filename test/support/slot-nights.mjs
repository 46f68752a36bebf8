// Runs the built slot loop through stretches of time, in the time zone of the process. Arguments: the base URL of the
// built program, then stretches as JSON, [[from, to], …] in epoch ms. Prints the local time's offsets from UTC (minutes)
// at both ends of each, and its slots.
const [dist, stretches] = process.argv.slice(2);
const { SlotLoop } = await import(new URL('scheduler/slot-loop.js', dist).href);

/** The loop holds one timer at a time, so time is wherever that is due. */
async function slotsOf(from, to) {
  let now = from;
  let timer = null;
  const clock = {
    now: () => now,
    monotonic: () => now - from,
    setTimer(delayMs, callback) {
      timer = { due: now + delayMs, callback };
      return () => {
        timer = null;
      };
    },
  };
  const slots = [];
  const loop = new SlotLoop({
    base: '5m',
    clock,
    exchangeNow: clock.now,
    run: async ({ slot }) => void slots.push(slot),
  });
  loop.start();
  await new Promise(setImmediate);
  while (timer.due <= to) {
    now = timer.due;
    timer.callback();
    await new Promise(setImmediate);
  }
  await loop.stop();
  return slots;
}

const nights = [];
for (const [from, to] of JSON.parse(stretches)) {
  const offsets = [from, to].map((time) => 0 - new Date(time).getTimezoneOffset());
  nights.push({ offsets, slots: await slotsOf(from, to) });
}
process.stdout.write(JSON.stringify(nights));
