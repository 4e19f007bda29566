/** Health checks as the configuration means them (all defaults filled in). */
import type { IpAddress, Micros } from '../base/index.ts';

/** What every checker shares: where to connect, how long to wait, when to give up. */
export interface CheckTiming {
  /** Time from the end of one check to the start of the next (`delay_loop`). */
  readonly delayLoop: Micros;
  readonly connectTimeout: Micros;
  /** Retries before a live server is declared down (`retry`, formerly `nb_get_retry`). */
  readonly retry: number;
  readonly delayBeforeRetry: Micros;
}

/** Where the check connects: the real server unless `connect_ip` / `connect_port` say otherwise. */
export interface CheckTarget {
  readonly address: IpAddress;
  readonly port: number;
  /** Source address (`bindto`). */
  readonly bindAddress?: IpAddress;
}

/** One `url { }` of HTTP_GET: passes when every criterion given passes. */
export interface HttpUrl {
  readonly path: string;
  /** Accepted codes, inclusive ranges; when nothing else is demanded the default is 200 to 299. */
  readonly statusCodes: readonly { readonly from: number; readonly to: number }[];
  /** MD5 of the body in lower-case hex, as genhash prints it. */
  readonly digest?: string;
  /** Host header; absent means the target's address. */
  readonly virtualHost?: string;
}

export type Check =
  | (CheckTiming & { readonly kind: 'tcp'; readonly target: CheckTarget })
  | (CheckTiming & {
      readonly kind: 'http';
      readonly target: CheckTarget;
      readonly urls: readonly HttpUrl[];
      readonly httpVersion: '1.0' | '1.1';
    });
