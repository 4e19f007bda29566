/** Health checks as the configuration means them (all defaults filled in). */
import type { IpAddress, Micros } from '../base/index.ts';
import type { ScriptCommand, TrackerWeight } from './vrrp.ts';

/** What every scheduled checker shares: how often, and when to give up. */
export interface CheckTiming {
  /** Time from the end of one check to the start of the next (`delay_loop`); of MISC_CHECK from start to start. */
  readonly delayLoop: Micros;
  readonly connectTimeout: Micros;
  /** Retries before a live server is declared down (`retry`, formerly `nb_get_retry`). */
  readonly retry: number;
  readonly delayBeforeRetry: Micros;
  /** The first check starts at a random time up to this (`warmup`). */
  readonly warmup: Micros;
  /** The server counts as down until this check has passed (`alpha`). */
  readonly alpha: boolean;
  /** Each failed probe is logged, not only changes (`log_all_failures`). */
  readonly logAllFailures: boolean;
}

/** Where the check connects: the real server unless `connect_ip` / `connect_port` say otherwise. */
export interface CheckTarget {
  readonly address: IpAddress;
  readonly port: number;
  /** Source address and port (`bindto`, `bind_port`), and the interface to leave by (`bind_if`). */
  readonly bindAddress?: IpAddress;
  readonly bindPort?: number;
  readonly bindInterface?: string;
  /** SO_MARK of the probes (`fwmark`); 0 is none. */
  readonly mark: number;
}

/** `regex` of a url. The pattern is written in PCRE2's language. */
export interface HttpRegex {
  readonly pattern: string;
  /** PCRE2 option names as the file writes them, for example `caseless`. */
  readonly options: readonly string[];
  /** The body must not match (`regex_no_match`). */
  readonly inverted: boolean;
  /** First byte searched, and the last at which a match may start. */
  readonly minOffset: number;
  readonly maxOffset?: number;
}

/** One `url { }` of HTTP_GET or SSL_GET: passes when every criterion given passes. */
export interface HttpUrl {
  readonly path: string;
  /** Accepted codes, inclusive ranges; when nothing else is demanded the default is 200 to 299. */
  readonly statusCodes: readonly { readonly from: number; readonly to: number }[];
  /** MD5 of the body in lower-case hex, as genhash prints it. */
  readonly digest?: string;
  readonly regex?: HttpRegex;
  /** Host header; absent means the target's address. */
  readonly virtualHost?: string;
}

/** How SSL_GET speaks TLS. */
export interface CheckTls {
  /** The name sent as SNI (`sni_name`, else the virtual host where `enable_sni` says so). */
  readonly serverName?: string;
  /** Client material of the `SSL` block. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly authorityFile?: string;
  /** Never logged or dumped. */
  readonly keyPassword?: string;
}

export type Check =
  | (CheckTiming & { readonly kind: 'tcp'; readonly target: CheckTarget })
  | (CheckTiming & {
      readonly kind: 'http';
      readonly target: CheckTarget;
      readonly urls: readonly HttpUrl[];
      readonly httpVersion: '1.0' | '1.1';
      /** `Connection: close` is sent (`http_protocol 1.0C`, and always with 1.1). */
      readonly connectionClose: boolean;
      /** All URLs back to back while recovering (`fast_recovery`). */
      readonly fastRecovery: boolean;
      /** Present for SSL_GET. */
      readonly tls?: CheckTls;
    })
  | (CheckTiming & { readonly kind: 'smtp'; readonly target: CheckTarget; readonly heloName: string })
  | (CheckTiming & {
      readonly kind: 'dns';
      readonly target: CheckTarget;
      readonly queryType: 'A' | 'NS' | 'CNAME' | 'SOA' | 'MX' | 'TXT' | 'AAAA';
      readonly queryName: string;
    })
  | (CheckTiming & {
      readonly kind: 'udp';
      readonly target: CheckTarget;
      /** Absent means random bytes. */
      readonly payload?: Uint8Array;
      /** Silence until the time-out counts as failure (`require_reply`). */
      readonly requireReply: boolean;
      /** Expected reply; bits that are 0 in the mask are not compared. */
      readonly reply?: { readonly bytes: Uint8Array; readonly mask: Uint8Array };
      readonly minReplyLength: number;
      readonly maxReplyLength: number;
    })
  | (CheckTiming & { readonly kind: 'ping'; readonly target: CheckTarget })
  | (CheckTiming & {
      readonly kind: 'misc';
      readonly command: ScriptCommand;
      readonly timeout: Micros;
      /** Exit status 2 to 255 sets the weight to status - 2 (`misc_dynamic`). */
      readonly dynamic: boolean;
    })
  /** Follow something that is watched anyway; no schedule of their own. */
  | { readonly kind: 'file'; readonly trackFile: string; readonly weight: TrackerWeight }
  | { readonly kind: 'bfd'; readonly session: string; readonly alpha: boolean };

/** A check that runs on a schedule and connects somewhere or runs a command. */
export type ScheduledCheck = Extract<Check, CheckTiming>;
