import { gunzipSync } from 'node:zlib';
import { ExchangeError } from '../../domain/errors.js';

/** Fatal, and a byte order mark is kept, so that `JSON.parse` refuses it: RFC 8259 forbids one. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON value of an unpacked body. Throws `badPayload` for everything that is not one whole JSON text in valid UTF-8. */
export function parseJson(plain: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(plain));
  } catch (cause) {
    throw new ExchangeError('badPayload', `not JSON: ${(cause as Error).message}; it begins with ${excerpt(plain)}`, {
      cause,
    });
  }
}

/** The beginning of a body for a message, on one line and without control characters, whatever it is. */
export function excerpt(body: Buffer, length = 120): string {
  const text = new TextDecoder().decode(body.subarray(0, length));
  return JSON.stringify(text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' '));
}

/**
 * A body as it was before it was packed, plain or gzip, of at most `maxBytes`. Throws `badPayload`.
 *
 * Synchronous on purpose: a reply of klines unpacks in 50 µs, less than a trip to the thread pool costs.
 */
export function unpack(body: Buffer, encoding: string | undefined, maxBytes: number): Buffer {
  if (encoding === 'gzip' || encoding === 'x-gzip') return gunzip(body, maxBytes);
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ExchangeError(
      'badPayload',
      `content-encoding ${JSON.stringify(encoding)} where gzip or none was asked for`,
    );
  }
  if (body.length > maxBytes) throw new ExchangeError('badPayload', `a reply of more than ${maxBytes} bytes`);
  return body;
}

function gunzip(body: Buffer, maxBytes: number): Buffer {
  try {
    return gunzipSync(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const what = tooLarge ? `a gzip body of more than ${maxBytes} bytes` : `broken gzip: ${(cause as Error).message}`;
    throw new ExchangeError('badPayload', what, { cause });
  }
}
