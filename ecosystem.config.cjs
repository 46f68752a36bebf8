// pm2 start ecosystem.config.cjs (pm2 7 or newer). ops/README.md tells the rest; test/ops/ecosystem.test.ts holds it to
// what the program does.
module.exports = {
  apps: [
    {
      name: 'candlescan',
      script: 'dist/main.js',
      args: ['run'],
      // ./data and ./dist are those beside this file, wherever pm2 is called.
      cwd: __dirname,

      // One process: it scans the whole market, and its data directory has one owner. Cluster mode would let an old and
      // a new one overlap.
      exec_mode: 'fork',
      instances: 1,

      // `ready` comes when HTTP listens and the first cycle is done, or 120 s have passed. pm2 shows what says nothing
      // until listen_timeout as online all the same: GET /readyz tells the truth.
      wait_ready: true,
      listen_timeout: 130_000,

      // SIGINT stops it within 5 s, by force after 8 s; pm2's own 1.6 s would cut that short.
      kill_timeout: 10_000,
      shutdown_with_message: process.platform === 'win32',
      // It ends its own children, in order and after what they still work on.
      treekill: false,

      // A crash is followed by a start after 100 ms, then 150 ms and so on up to 15 s. That never amounts to 16
      // restarts within 16 s, after which pm2 would give up.
      autorestart: true,
      exp_backoff_restart_delay: 100,
      // Not what a restart cannot mend: wrong usage (2), wrong configuration (78); nor what was stopped before it was
      // ready (143), which pm2 takes for a crash. 75 is not among them: whoever has the data directory, such as a scan
      // by hand, gives it back, and nobody should have to start the daemon then.
      stop_exit_codes: [2, 78, 143],

      // Above the daemon's own last level (120 % of memory.limit, 1229 MiB by default), so that it first frees what it
      // can; pm2 looks every 30 s. Raise both together.
      max_memory_restart: '1400M',

      // Logs are JSON lines with a time of their own, in one file however many restarts there were.
      time: false,
      merge_logs: true,

      // No inspector and no V8 flags; nothing of pm2's in the process.
      node_args: [],
      pmx: false,
      vizion: false,
      watch: false,

      env: { NODE_ENV: 'production' },
    },
  ],
};
