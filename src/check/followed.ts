/** Checks without a schedule: they follow something that is watched anyway. */
import type { Check } from '../model/index.ts';
import type { CheckVerdict } from './dialogue.ts';
import type { CheckEvent } from './events.ts';

type FileCheck = Extract<Check, { kind: 'file' }>;
type SessionCheck = Extract<Check, { kind: 'bfd' }>;

/** News about what checks follow. */
export type FollowedNews = Extract<CheckEvent, { type: 'number' | 'session' }>;

/** keepalived takes the lowest number of 32 bits for "down". */
const FAULT = -0x80000000;

/** FILE_CHECK of one server: a number that somebody else writes into a file adds to its weight. Undecided until the file has been read. */
export class FollowedFile {
  readonly check: FileCheck;
  private value: number | undefined;

  constructor(check: FileCheck) {
    this.check = check;
  }

  hear(news: FollowedNews): void {
    if (news.type === 'number' && news.trackFile === this.check.trackFile) this.value = news.value;
  }

  /** What the number adds to the weight of the server while it is up. */
  get difference(): number | undefined {
    return this.verdict === 'up' ? this.product : undefined;
  }

  get verdict(): CheckVerdict {
    if (this.value === undefined) return 'undecided';
    return this.product <= FAULT ? 'down' : 'up';
  }

  get reason(): string {
    return `FILE_CHECK: ${this.check.trackFile} holds ${this.value ?? 'nothing yet'}`;
  }

  private get product(): number {
    const { weight, reverse } = this.check.weight;
    return (this.value ?? 0) * weight * (reverse ? -1 : 1);
  }
}

/**
 * BFD_CHECK of one server: it is up with the session. Sessions are reported when they change, so that one that has never been up is
 * never reported: until then the server is taken for what keepalived takes it for, up unless `alpha`.
 */
export class FollowedSession {
  readonly check: SessionCheck;
  readonly difference = undefined;
  private up: boolean | undefined;

  constructor(check: SessionCheck) {
    this.check = check;
  }

  hear(news: FollowedNews): void {
    if (news.type === 'session' && news.session === this.check.session) this.up = news.up;
  }

  get verdict(): CheckVerdict {
    return (this.up ?? !this.check.alpha) ? 'up' : 'down';
  }

  get reason(): string {
    const state = this.up === undefined ? 'has not been up yet' : this.up ? 'is up' : 'is down';
    return `BFD_CHECK: session ${this.check.session} ${state}`;
  }
}

export type Followed = FollowedFile | FollowedSession;

/** Undefined for a check with a schedule. */
export function followedBy(check: Check): Followed | undefined {
  switch (check.kind) {
    case 'file':
      return new FollowedFile(check);
    case 'bfd':
      return new FollowedSession(check);
    default:
      return undefined;
  }
}
