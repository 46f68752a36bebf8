import type { Content } from './content.js';

export interface RestRequest {
  readonly params: URLSearchParams;
  /** The exchange's time, epoch ms. */
  readonly now: number;
  /** Whether the client takes gzip. */
  readonly gzip: boolean;
}

/** One path of the API. */
export interface Endpoint {
  /** Weight units; charged also when the request is refused. */
  weight(params: URLSearchParams): number;
  /** Throws an `ApiError` when the exchange would refuse. */
  answer(request: RestRequest): Content;
}
