/** What a server's checks say about it: handed from the check engine to the director engine. */
import type { Check } from './check.ts';
import type { RealServerKey, ServiceKey } from './service.ts';

export interface ServerVerdict {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  /** `down` as soon as one of its checks is down, `up` when all of them are up. */
  readonly state: 'up' | 'down';
  /** The kind of the check that decided; alert mail words its body by it. */
  readonly check: Check['kind'];
  /** The weight that its checks give it, where they do (`misc_dynamic`); absent means the configured one. */
  readonly weight?: number;
  /** Why, for a person: `HTTP_CHECK failed after 3 retries: status code 500`. */
  readonly reason: string;
}

/** One check of a server has come to another result, whether or not that changes what holds for the server. For alert mail. */
export interface CheckChange {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  readonly check: Check['kind'];
  readonly state: 'up' | 'down';
  /** Its first result since it was configured. */
  readonly first: boolean;
}
