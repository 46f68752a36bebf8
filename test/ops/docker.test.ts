import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { isAtLeast, OLDEST_NODE } from '../../src/doctor/node-releases.js';
import { DAEMON, type Instruction, parseDockerfile, ROOT, reachesLastPressure, rootFile } from '../support/ops.js';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly container_name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly secrets?: readonly string[];
  readonly restart: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<'candlescan' | 'prometheus' | 'grafana', Service>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const TOKEN = 'CANDLESCAN_SERVER__TOKEN';
const PINNED = /:v?\d+\.\d+\.\d+(-[\w.-]+)?$/;

const dockerfile = parseDockerfile(rootFile('ops/docker/Dockerfile'));
const compose = parse(rootFile('ops/docker/compose.yml')) as Compose;
const { candlescan, prometheus, grafana } = compose.services;

const all = (name: string, from: readonly Instruction[] = dockerfile) =>
  from.filter((instruction) => instruction.name === name).map(({ value }) => value);
const last = dockerfile.slice(dockerfile.findLastIndex(({ name }) => name === 'FROM'));
const only = (name: string) => {
  const values = all(name, last);
  expect(values, name).toHaveLength(1);
  return values[0] as string;
};
const imageEnv = Object.fromEntries(
  only('ENV')
    .split(' ')
    .map((each) => each.split('=')),
);

describe('the Dockerfile', () => {
  it('starts every stage from one pinned image of a Node that the program runs on, or from an earlier stage', () => {
    const stages = new Set<string>();
    const images = new Set<string>();
    for (const value of all('FROM')) {
      const [image = '', , stage] = value.split(' ');
      if (!stages.has(image)) images.add(image);
      if (stage !== undefined) stages.add(stage);
    }
    expect(images.size).toBe(1);
    const [, version = ''] = /^node:(\d+\.\d+\.\d+)-bookworm-slim$/.exec([...images][0] ?? '') ?? [];
    expect(isAtLeast(version, OLDEST_NODE)).toBe(true);
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const allowed = rootFile('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const sources = all('COPY')
      .filter((value) => !value.startsWith('--from='))
      .flatMap((value) => value.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(allowed, source).toContain(source.replace(/^\.\//, ''));
    }
    expect(new Set(allowed)).toEqual(new Set(sources.map((source) => source.replace(/^\.\//, ''))));
  });

  it('S7: sends the builder nothing but that: no secrets, no data, no history', () => {
    const rules = rootFile('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    expect(rules.slice(1).every((rule) => rule.startsWith('!'))).toBe(true);
  });

  it('S14: installs from the lockfile only and runs no script of a package', () => {
    const installs = all('RUN').filter((command) => /\bnpm (ci|i|install)\b/.test(command));
    expect(installs).toEqual(['npm ci --ignore-scripts', 'npm ci --omit=dev --ignore-scripts']);
  });

  it('builds with what the build reads', () => {
    const { scripts } = JSON.parse(rootFile('package.json')) as { scripts: { build: string } };
    expect(all('RUN')).toContain('npm run build');
    const script = scripts.build.replace('node ', '');
    const read = [...rootFile(script).matchAll(/(?:from|import\() ?'\.\/([^']+)'/g)].map(([, path]) => path);
    const copied = all('COPY').flatMap((value) => value.split(' '));
    for (const path of [script, ...read]) expect(copied, path).toContain(path);
  });

  it('S14: carries no build tools: the last stage takes the program, its dependencies and its defaults', () => {
    expect(all('COPY', last)).toEqual([
      '--from=dependencies /app/node_modules ./node_modules',
      '--from=build /app/dist ./dist',
      'package.json ./',
      'config ./config',
    ]);
  });

  it('runs the daemon itself, as a user that owns its data and nothing else', () => {
    expect(JSON.parse(only('ENTRYPOINT'))).toEqual(['node', 'dist/main.js']);
    expect(JSON.parse(only('CMD'))).toEqual(['run']);
    expect(only('USER')).toBe('node');
    expect(only('VOLUME')).toBe('/data');
    expect(only('RUN')).toContain('-o node -g node -m 0700 /data');
    expect(only('STOPSIGNAL')).toBe('SIGTERM');
  });

  it('has a program that its user can read, whatever umask it was checked out with', () => {
    expect(only('RUN')).toMatch(/^chmod -R a\+rX package\.json config && /);
  });

  it('sets what the program takes, on the port that is exposed, and asks for a token', () => {
    expect(() => loadConfig({ env: imageEnv })).toThrow(TOKEN);
    const { config } = loadConfig({ env: { ...imageEnv, [TOKEN]: 'x'.repeat(32) } });
    expect(config.dataDir).toBe('/data');
    expect(String(config.server.port)).toBe(only('EXPOSE'));
  });

  it('asks whether the process lives, by a command that says so', () => {
    const [, json = ''] = /^.* CMD (\[.*\])$/.exec(only('HEALTHCHECK')) ?? [];
    const [command, flag, script = ''] = JSON.parse(json) as string[];
    expect([command, flag]).toEqual(['node', '-e']);
    const { config } = loadConfig();
    expect(script).toContain(`http://127.0.0.1:${config.server.port}/healthz`);
  });
});

describe('the compose file', () => {
  it('pins every image', () => {
    for (const [name, { image }] of Object.entries(compose.services)) expect(image, name).toMatch(PINNED);
    const { version } = JSON.parse(rootFile('package.json')) as { version: string };
    expect(candlescan.image).toBe(`candlescan:${version}`);
  });

  it('builds from the root of the repository with the Dockerfile', () => {
    expect(relative(ROOT, join(ROOT, 'ops/docker', candlescan.build?.context ?? ''))).toBe('');
    expect(existsSync(join(ROOT, candlescan.build?.dockerfile ?? ''))).toBe(true);
  });

  it('mounts only what exists, read-only, and keeps data in named volumes', () => {
    for (const volume of Object.values(compose.services).flatMap(({ volumes }) => volumes)) {
      const [source = '', , mode] = volume.split(':');
      if (source.startsWith('.')) {
        expect(existsSync(join(ROOT, 'ops/docker', source)), source).toBe(true);
        expect(mode, volume).toBe('ro');
      } else expect(Object.keys(compose.volumes), volume).toContain(source);
    }
    expect(candlescan.volumes).toContain(`data:${all('VOLUME', last)[0]}`);
  });

  it('P7: lets no second daemon at the data: a name can be taken once', () => {
    expect(candlescan.container_name).toBe('candlescan');
    expect(candlescan).toMatchObject({ restart: 'unless-stopped', init: true });
  });

  it('P4: kills only after the hard deadline of the daemon', () => {
    const [, seconds] = /^(\d+)s$/.exec(candlescan.stop_grace_period ?? '') ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(DAEMON.hardDeadlineMs);
  });

  it('P8: bounds memory, and the heap in it, only above the last level of the daemon itself', () => {
    const [, mebibytes] = /^(\d+)m$/.exec(candlescan.mem_limit ?? '') ?? [];
    expect(Number(mebibytes) * 2 ** 20).toBeGreaterThan(loadConfig().config.memory.limitBytes * DAEMON.lastPressure);
    expect(reachesLastPressure(candlescan.environment?.['NODE_OPTIONS'])).toBe(true);
  });

  it('gives no rights that are not needed: no capability, no new privilege, a root that cannot be written', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect(service.cap_drop, name).toEqual(['ALL']);
      expect(service.security_opt, name).toEqual(['no-new-privileges:true']);
      for (const port of service.ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    }
    expect(candlescan.read_only).toBe(true);
    expect(candlescan.tmpfs?.[0]).toMatch(/^\/tmp:/);
    // Compose cannot write a secret made of a variable into a root that cannot be written.
    expect(prometheus.read_only).toBeUndefined();
  });

  it('S7: requires the secrets and holds none', () => {
    expect(candlescan.environment?.[TOKEN]).toMatch(/^\$\{CANDLESCAN_SERVER__TOKEN:\?/);
    expect(grafana.environment?.['GF_SECURITY_ADMIN_PASSWORD']).toMatch(/^\$\{GRAFANA_ADMIN_PASSWORD:\?/);
  });

  it('starts the daemon with settings that it takes without a warning', () => {
    const env = { ...imageEnv, ...candlescan.environment, [TOKEN]: 'x'.repeat(32) };
    const { config, warnings } = loadConfig({ env });
    expect(warnings).toEqual([]);
    expect(candlescan.ports).toEqual([`127.0.0.1:${config.server.port}:${config.server.port}`]);
    // What the health check and people on the host call it by.
    expect(config.server.allowedHosts).toEqual(expect.arrayContaining(['localhost', '127.0.0.1']));
  });

  it('lets Prometheus in: by the name, the port and the token that it scrapes with', () => {
    const { scrape_configs } = parse(rootFile('ops/prometheus/prometheus.yml')) as {
      scrape_configs: {
        job_name: string;
        authorization?: { credentials_file: string };
        static_configs: { targets: string[] }[];
      }[];
    };
    const job = scrape_configs.find(({ job_name }) => job_name === 'candlescan');
    const [host, port] = job?.static_configs[0]?.targets[0]?.split(':') ?? [];
    const { config } = loadConfig({ env: { ...imageEnv, ...candlescan.environment, [TOKEN]: 'x'.repeat(32) } });
    expect(Object.keys(compose.services)).toContain(host);
    expect(config.server.allowedHosts).toContain(host);
    expect(Number(port)).toBe(config.server.port);
    const secret = job?.authorization?.credentials_file.replace('/run/secrets/', '') ?? '';
    expect(prometheus.secrets).toEqual([secret]);
    expect(compose.secrets[secret]).toEqual({ environment: TOKEN });
  });

  it('shows Grafana its data source and the dashboard', () => {
    const sources = parse(rootFile('ops/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string }[];
    };
    expect(sources.datasources.map(({ url }) => new URL(url).hostname)).toEqual(['prometheus']);
    const { providers } = parse(rootFile('ops/grafana/provisioning/dashboards/candlescan.yml')) as {
      providers: { options: { path: string } }[];
    };
    const mounted = grafana.volumes.map((volume) => volume.split(':')[1]);
    expect(mounted).toContain('/etc/grafana/provisioning');
    expect(mounted).toContain(`${providers[0]?.options.path}/candlescan.json`);
  });
});
