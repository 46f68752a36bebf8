import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { printConfig } from '../../src/config/print.js';
import { configFiles, problemsOf } from '../support/config-files.js';

const CANARY = 'canary-7f3a9c';
const file = configFiles();
const sinks = file(
  'sinks.yaml',
  [
    'notify:',
    '  sinks:',
    '    - {name: ops-chat, type: telegram, chatId: -100123}',
    '    - {name: team, type: slack, statuses: [confirmed, revoked]}',
    '    - {name: hook, type: webhook, url: "http://127.0.0.1:1/plain"}',
  ].join('\n'),
);
const env = {
  CANDLESCAN_SERVER__TOKEN: CANARY,
  CANDLESCAN_NOTIFY__SINKS__OPS_CHAT__TOKEN: `${CANARY}-telegram`,
  CANDLESCAN_NOTIFY__SINKS__TEAM__URL: `https://hooks.slack.com/services/${CANARY}`,
  CANDLESCAN_NOTIFY__SINKS__HOOK__URL: `https://user:${CANARY}@example.com/?key=${CANARY}`,
  CANDLESCAN_NOTIFY__SINKS__HOOK__TOKEN: `${CANARY}-bearer`,
};

/** Forms in which the canary could hide. */
const CANARY_FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('base64').slice(0, 12),
  encodeURIComponent(CANARY),
  'canary',
];

function expectNoCanary(text: string): void {
  for (const form of CANARY_FORMS) expect(text).not.toContain(form);
}

describe('S7: secrets', () => {
  it('come from variables, those of a sink by its name', () => {
    const { config, origins } = loadConfig({ files: [sinks], env });
    const [chat, team, hook] = config.notify.sinks;
    expect(config.server.token?.reveal()).toBe(CANARY);
    expect(chat?.type === 'telegram' && [chat.token.reveal(), chat.chatId]).toEqual([`${CANARY}-telegram`, '-100123']);
    expect(team?.type === 'slack' && team.url.reveal()).toBe(env.CANDLESCAN_NOTIFY__SINKS__TEAM__URL);
    expect(hook?.type === 'webhook' && [hook.url.reveal(), hook.token?.reveal()]).toEqual([
      env.CANDLESCAN_NOTIFY__SINKS__HOOK__URL,
      `${CANARY}-bearer`,
    ]);
    expect(origins.get('notify.sinks')).toBe(`file ${sinks}`);
    expect(origins.get('notify.sinks[0].token')).toBe('env CANDLESCAN_NOTIFY__SINKS__OPS_CHAT__TOKEN');
  });

  it('may stand in a variable that holds all sinks', () => {
    const all = JSON.stringify([{ name: 'd', type: 'discord', url: `https://discord.com/api/webhooks/1/${CANARY}` }]);
    const { config } = loadConfig({ env: { CANDLESCAN_NOTIFY__SINKS: all } });
    const [sink] = config.notify.sinks;
    expect(sink?.type === 'discord' && sink.url.reveal()).toContain(CANARY);
  });

  it('are masked wherever the configuration is shown', () => {
    const loaded = loadConfig({ files: [sinks], env });
    const shown = [
      printConfig(loaded, { json: false }),
      printConfig(loaded, { json: true }),
      JSON.stringify(loaded.config),
      inspect(loaded, { depth: 20, showHidden: true }),
      JSON.stringify([...loaded.shown, ...loaded.origins]),
    ].join('\n');
    expect(shown).toContain('***');
    expectNoCanary(shown);
  });

  it('are refused in a file and in --set', () => {
    const path = file(
      'secrets.yaml',
      [
        'server: {token: canary-7f3a9c}',
        'notify:',
        '  sinks:',
        '    - {name: chat, type: telegram, token: canary-7f3a9c, chatId: 1}',
        '    - {name: team, type: slack, url: "https://hooks.slack.com/services/canary-7f3a9c"}',
        '    - {name: hook, type: webhook, url: "https://x:canary-7f3a9c@example.com"}',
        '    - {name: hook-b, type: webhook, url: "https://example.com/?canary-7f3a9c"}',
      ].join('\n'),
    );
    const lines = problemsOf({ files: [path], set: ['server.token=canary-7f3a9c'] });
    const refused = (variable: string) => `found a secret, allowed only in the environment (CANDLESCAN_${variable})`;
    expect(lines).toEqual([
      `${path}:1:17: server.token: ${refused('SERVER__TOKEN')}`,
      `${path}:4:43: notify.sinks[0].token: ${refused('NOTIFY__SINKS__CHAT__TOKEN')}`,
      `${path}:5:38: notify.sinks[1].url: ${refused('NOTIFY__SINKS__TEAM__URL')}`,
      `${path}:6:40: notify.sinks[2].url: ${refused('NOTIFY__SINKS__HOOK__URL')}`,
      `${path}:7:42: notify.sinks[3].url: ${refused('NOTIFY__SINKS__HOOK_B__URL')}`,
      `--set: server.token: ${refused('SERVER__TOKEN')}`,
    ]);
  });

  it('say which variable is missing', () => {
    const lines = problemsOf({ files: [sinks] });
    expect(lines).toEqual([
      `${sinks}:3:7: notify.sinks[0].token: found nothing, allowed a token of visible ASCII characters, from the environment only (CANDLESCAN_NOTIFY__SINKS__<NAME>__TOKEN)`,
      `${sinks}:4:7: notify.sinks[1].url: found nothing, allowed an https url, from the environment only (CANDLESCAN_NOTIFY__SINKS__<NAME>__URL)`,
    ]);
  });

  it('say when a variable names no sink', () => {
    expect(problemsOf({ env: { CANDLESCAN_NOTIFY__SINKS__OPS__TOKEN: CANARY } })).toEqual([
      'CANDLESCAN_NOTIFY__SINKS__OPS__TOKEN: found the name of no sink, allowed: none, notify.sinks is empty',
    ]);
  });

  it('are in no error text, whatever is wrong around them', () => {
    const texts = [
      `server: ${CANARY}`,
      `server: {tokne: ${CANARY}}`,
      `server: {token: "${CANARY}`,
      `server: {token: [${CANARY}]}`,
      `server: {token: {a: ${CANARY}}}`,
      `server: {token: |${CANARY}\n}`,
      `server: {token: !${CANARY} x}`,
      `server: {token: *${CANARY}}`,
      `server: {token: "\\q${CANARY}"}`,
      `server:\n  token: ${CANARY}\n ${CANARY}`,
      `notify: ${CANARY}`,
      `notify: {sinks: ${CANARY}}`,
      `notify: {sinks: [${CANARY}]}`,
      `notify: {sinks: [{name: a, type: slack, token: ${CANARY}}]}`,
      `notify: {sinks: [{name: a, type: mail, url: "${CANARY}"}]}`,
      `notify: {sinks: [{name: a, type: telegram, bot: ${CANARY}}]}`,
      `notify: {sinks: [{name: a, type: webhook, url: "${CANARY}"}]}`,
      `exchange: {restUrl: "https://user:${CANARY}@example.com/${CANARY}?q=${CANARY}"}`,
      `%${CANARY}\n---\nserver: {}`,
      CANARY,
    ];
    for (const [index, text] of texts.entries()) {
      const lines = problemsOf({ files: [file(`leak-${index}.yaml`, text)] });
      expect(lines).not.toEqual([]);
      expectNoCanary(lines.join('\n'));
    }
  });

  it('are in no error text of a variable', () => {
    const values = {
      CANDLESCAN_SERVER__TOKN: CANARY,
      CANDLESCAN_SERVER__TOKEN: `${CANARY} with space`,
      CANDLESCAN_SERVER: CANARY,
    };
    for (const [variable, value] of Object.entries(values)) {
      const lines = problemsOf({ env: { [variable]: value } });
      expect(lines).toHaveLength(1);
      expectNoCanary(lines[0] ?? '');
    }
    for (const text of [
      `[{name: a, token: ${CANARY}`,
      CANARY,
      `[{name: a, type: ${CANARY}x, token: ${CANARY}}]`.replace(`${CANARY}x`, 'slack'),
    ]) {
      const lines = problemsOf({ env: { CANDLESCAN_NOTIFY__SINKS: text } });
      expect(lines).not.toEqual([]);
      expectNoCanary(lines.join('\n'));
    }
  });
});
