/** What a server's checks say about it: handed from the check engine to the director engine. */
import type { RealServerKey, ServiceKey } from './service.ts';

export interface ServerVerdict {
  readonly service: ServiceKey;
  readonly server: RealServerKey;
  /** `down` as soon as one of its checks is down, `up` when all of them are up. */
  readonly state: 'up' | 'down';
  /** The kind of the check that decided; alert mail words its body by it. */
  readonly check: 'tcp' | 'http';
  /** Why, for a person: `HTTP_CHECK failed after 3 retries: status code 500`. */
  readonly reason: string;
}
