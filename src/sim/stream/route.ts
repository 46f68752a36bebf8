/** What the path of a handshake asks for. */
export interface Route {
  /** False for the retired and the foreign paths: they accept subscriptions and never send a kline. */
  readonly served: boolean;
  /** Wraps events as `{"stream":…,"data":…}`. */
  readonly combined: boolean;
  /** Subscribed by the URL. */
  readonly streams: readonly string[];
}

/** `/market/ws/<a>/<b>`, `/market/stream?streams=a/b`, each also bare, unrouted, or under `/public`. */
const PATH = /^(?:\/(?<area>market|public))?\/(?:(?<raw>ws)(?<names>\/.*)?|stream)$/;

/** Null for a path that the exchange answers with 404. */
export function parseRoute(url: string): Route | null {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const parts = PATH.exec(path)?.groups;
  if (parts === undefined) return null;
  const combined = parts.raw === undefined;
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const names = combined ? (query.get('streams') ?? '') : decoded(parts.names ?? '');
  return { served: parts.area === 'market', combined, streams: names.split('/').filter((name) => name !== '') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
