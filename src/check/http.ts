/**
 * HTTP_GET: fetches every url of the check, one after another, each over a connection of its own, in one round (keepalived's
 * `fast_recovery`; without it keepalived spreads the urls over one `delay_loop` each). The round passes when every url does.
 * Redirects are not followed. A chunked body is hashed without its framing, where keepalived hashes the bytes as they come.
 */

import { Md5 } from '../base/index.ts';
import type { Check, HttpUrl } from '../model/index.ts';
import { type Dialogue, errorWords, type Failure, failed, type Step } from './dialogue.ts';
import { httpRequest } from './http-request.ts';
import { HttpResponseReader } from './http-response.ts';

/** Without a digest to compute, a response longer than this has shown what it can: reading on would only load the server. */
const ENOUGH_BODY_BYTES = 65_536;

type HttpCheck = Extract<Check, { kind: 'http' }>;

export class HttpDialogue implements Dialogue {
  private readonly check: HttpCheck;
  private index = 0;
  private digest: Md5 | undefined;
  private response = new HttpResponseReader(() => {});

  constructor(check: HttpCheck) {
    this.check = check;
  }

  connected(): Step {
    const url = this.check.urls[this.index];
    // The configuration gives at least one url; without any, an accepted connection is all that can be asked for.
    if (!url) return { kind: 'passed' };
    const digest = url.digest === undefined ? undefined : new Md5();
    this.digest = digest;
    this.response = new HttpResponseReader((bytes) => digest?.update(bytes));
    return { kind: 'send', bytes: httpRequest(this.check, url) };
  }

  data(bytes: Uint8Array): Step {
    this.response.push(bytes);
    return this.judge();
  }

  ended(): Step {
    this.response.end();
    return this.judge();
  }

  timedOut(connected: boolean): Step {
    return connected
      ? failed('no complete answer in time', (server) => `Timeout HTTP read server ${server}.`)
      : failed('connection timed out', (server) => `Timeout connecting server ${server}.`);
  }

  broken(connected: boolean, error: string): Failure {
    const reason = errorWords(error);
    return connected
      ? { reason, line: (server) => `Read error with server ${server}: ${reason}` }
      : { reason, line: (server) => `Error connecting server ${server}: ${reason}.` };
  }

  private judge(): Step {
    const { error, done, bodyBytes } = this.response;
    const url = this.check.urls[this.index] as HttpUrl;
    if (error) return failed(error, (server) => `Read error with server ${server}: ${error}`);
    if (!done && (this.digest || bodyBytes < ENOUGH_BODY_BYTES)) return { kind: 'wait' };
    const failure = this.compare(url);
    if (failure) return { kind: 'failed', failure };
    this.index++;
    return { kind: this.index < this.check.urls.length ? 'reconnect' : 'passed' };
  }

  private compare(url: HttpUrl): Failure | undefined {
    const status = this.response.statusCode as number;
    if (!statusAccepted(url, status)) {
      return {
        reason: `status code ${status} for ${url.path}`,
        line: (server) => `HTTP status code error to ${server} url(${url.path}), status_code [${status}].`,
      };
    }
    const sum = this.digest?.hex();
    if (sum === undefined || sum === url.digest?.toLowerCase()) return undefined;
    return {
      reason: `digest of ${url.path} is ${sum}`,
      line: (server) => `MD5 digest error to ${server} url(${url.path}), MD5SUM [${sum}].`,
    };
  }
}

/** No codes given: any status will do when a digest is demanded, else 200 to 299. */
function statusAccepted(url: HttpUrl, status: number): boolean {
  if (url.statusCodes.length === 0) return url.digest !== undefined || (status >= 200 && status <= 299);
  return url.statusCodes.some((range) => status >= range.from && status <= range.to);
}
