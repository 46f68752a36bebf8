import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startRig } from '../../support/hostile-client.js';
import { type HostileRequest, httpReply, klineRows, klinesReply, send } from '../../support/hostile-server.js';

describe('X4: a reply that is not what was asked for', () => {
  const cases: [string, Buffer][] = [
    ['200 with HTML', httpReply({ body: '<html>welcome</html>', headers: { 'content-type': 'text/html' } })],
    ...['{}', '[[]', '"x"', '5', 'null', '[1]', '[null]', '', '{"code":-1000,"msg":"x"}'].map(
      (body): [string, Buffer] => [`200 with ${body || 'nothing'}`, httpReply({ body })],
    ),
    ['202 without a body, from a firewall', httpReply({ status: 202, headers: { 'x-amzn-waf-action': 'challenge' } })],
    ['a redirect (X10)', httpReply({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })],
  ];
  it.each(cases)('%s is a bad payload', async (_title, bytes) => {
    const rig = await startRig(send(bytes));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
    expect(rig.events.map((event) => event.outcome)).toEqual(['badPayload', 'badPayload', 'badPayload']);
  });

  it.each(['{}', '[]', '{"symbols":[]}', '{"symbols":{}}', '{"symbols":[null,{},"x"]}'])(
    'a list of markets that is %s is a bad payload',
    async (body) => {
      const rig = await startRig(send(httpReply({ body })));
      expect(await rig.kindOf(rig.client.exchangeInfo({ lane: 'bulk' }))).toBe('badPayload');
    },
  );
});

describe('X5: broken bytes', () => {
  it('accepts nothing of a reply that ends early, with the length right, wrong or unknown', async () => {
    const body = gzipSync(JSON.stringify(klineRows(99)));
    const headers = { 'content-encoding': 'gzip' };
    const rig = await startRig(() => {});
    for (let cut = 0; cut < body.length; cut += 997) {
      const part = body.subarray(0, cut);
      rig.server.answer(({ socket }) => socket.end(httpReply({ headers, body: part })));
      expect(await rig.kindOf(rig.klines({ limit: 99 }))).toBe('badPayload');
      rig.server.answer(({ socket }) =>
        socket.end(httpReply({ headers: { ...headers, 'content-length': String(body.length) }, body: part })),
      );
      expect(['unreachable', 'badPayload', 'circuitOpen']).toContain(await rig.kindOf(rig.klines({ limit: 99 })));
      rig.server.answer(send(klinesReply()));
      await rig.klines();
    }
  });

  it('a content-length shorter than the body yields nothing wrong', async () => {
    const body = JSON.stringify(klineRows(3));
    const rig = await startRig(({ socket }) => socket.write(httpReply({ headers: { 'content-length': '100' }, body })));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
  });

  it('bytes that are no HTTP are a bad payload', async () => {
    const rig = await startRig(send('SSH-2.0-OpenSSH_9.2\r\n\r\n'));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
  });
});

describe('X7: too much', () => {
  const refusesWithin = async (script: (request: HostileRequest) => void, mebibytes: number) => {
    const rig = await startRig(script);
    const before = process.memoryUsage().rss;
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(mebibytes);
  };
  const flood = (head: string, chunk: Buffer, count: number) => (request: HostileRequest) => {
    request.socket.write(head);
    let left = count;
    const more = () => {
      while (left-- > 0 && !request.socket.destroyed) if (!request.socket.write(chunk)) return;
    };
    request.socket.on('drain', more);
    more();
  };

  it('a body of 300 MB is cut at 4 MiB', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(65_536, 0x20), 4800), 100);
  });

  it('a body that announces 300 MB is not read', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\ncontent-length: 314572800\r\n\r\n', Buffer.alloc(65_536), 1), 100);
  });

  it('a header of 10 MB is cut', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\nx-big: ', Buffer.alloc(65_536, 0x61), 160), 100);
  });

  it('a gzip bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20), { level: 1 });
    await refusesWithin(send(httpReply({ headers: { 'content-encoding': 'gzip' }, body: bomb })), 100);
  });

  it('100,000 rows are refused', async () => {
    const body = gzipSync(JSON.stringify(klineRows(100_000)), { level: 1 });
    await refusesWithin(send(httpReply({ headers: { 'content-encoding': 'gzip' }, body })), 200);
  });

  it('JSON nested ten thousand deep yields no row', async () => {
    const rig = await startRig(send(httpReply({ body: '['.repeat(10_000) + ']'.repeat(10_000) })));
    expect(await rig.klines()).toEqual({ rows: [], refused: { shape: 1 } });
  });
});
