import { type Context, type Definition, fail, ok, skipped, type Verdict, warn } from './contract.js';
import { variableLike } from './environment.js';
import { isAtLeast, nodeSupport, OLDEST_NODE, supportedLines } from './node-releases.js';

type Machine = Pick<Context, 'probes' | 'clock'>;

/** The process itself, and what it was started with. */
export const processChecks: readonly Definition[] = [
  { id: 'node-version', level: 'required', title: 'Node version', short: true, needs: 'nothing', judge: nodeVersion },
  { id: 'node-support', level: 'recommended', title: 'Node security fixes', needs: 'nothing', judge: nodeLife },
  { id: 'inspector', level: 'recommended', title: 'inspector', needs: 'nothing', judge: inspector },
  { id: 'user', level: 'recommended', title: 'user', needs: 'nothing', judge: user },
  { id: 'environment', level: 'recommended', title: 'environment variables', needs: 'nothing', judge: environment },
  { id: 'supervisor', level: 'optional', title: 'supervisor', needs: 'nothing', judge: supervisor },
];

function nodeVersion({ probes }: Machine): Verdict {
  const { nodeVersion: found } = probes.process;
  const expected = `${OLDEST_NODE} or newer`;
  return isAtLeast(found, OLDEST_NODE) ? ok(found, expected) : fail(found, expected, 'install a newer Node.js');
}

function nodeLife({ probes, clock }: Machine): Verdict {
  const { nodeVersion: found } = probes.process;
  const { endOfLife, supported } = nodeSupport(found, clock.now());
  const expected = `a line that still gets fixes: ${supportedLines(clock.now()).join(', ')}`;
  if (!supported) {
    const since = endOfLife === null ? 'no longer' : `not since ${endOfLife}`;
    return warn(`${found}: ${since}`, expected, 'install a supported Node.js line');
  }
  return ok(endOfLife === null ? found : `${found}: until ${endOfLife}`, expected);
}

/** Of these, and not of `--inspect-port`, the inspector opens; Node takes `_` for `-`. */
const INSPECT = /^--inspect([-_](brk|wait))?(=|$)/;

/** An open inspector lets every local user run code in the process. */
function inspector({ probes }: Machine): Verdict {
  const { env, execArgv } = probes.process;
  const option = [...(env['NODE_OPTIONS'] ?? '').split(/\s+/), ...execArgv].find((text) => INSPECT.test(text));
  const expected = 'no --inspect, in NODE_OPTIONS neither';
  if (option === undefined) return ok('closed', expected);
  return warn(option, expected, 'start without it in production: whoever reaches the inspector runs code here');
}

function user({ probes }: Machine): Verdict {
  const { uid } = probes.process;
  if (uid === null) return skipped('this system has no user numbers');
  if (uid !== 0) return ok(`uid ${uid}`, 'not root');
  return warn('root', 'not root', 'run it as a user of its own; it needs no more than its data directory');
}

function environment({ probes }: Machine): Verdict {
  const { set, ignored } = variableLike(probes.process.env);
  const expected = 'CANDLESCAN_ and the key: CANDLESCAN_EXCHANGE__REST_URL';
  if (ignored.length > 0) {
    return warn(`ignored: ${ignored.join(', ')}`, expected, 'correct the name, or remove the variable');
  }
  return ok(set.length === 0 ? 'none set' : set.join(', '), expected);
}

function supervisor({ probes }: Machine): Verdict {
  const { env } = probes.process;
  if (env['pm_id'] !== undefined) {
    const mode = env['exec_mode'] ?? 'fork_mode';
    const expected = 'pm2 in fork mode, one instance';
    return mode === 'cluster_mode'
      ? warn(
          'pm2 in cluster mode',
          expected,
          'exec_mode: fork and instances: 1; a second one finds the directory locked',
        )
      : ok('pm2 in fork mode', expected);
  }
  if (env['INVOCATION_ID'] !== undefined) return ok('systemd');
  return skipped('none around this process', 'let pm2, systemd or a container runtime start the daemon again');
}
