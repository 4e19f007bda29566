/**
 * Whether the director process still does its work: it may live, and yet do nothing. Looks are counted, not time: while the whole daemon
 * was stopped nobody looked, and the director is not to blame.
 */

/** Of the watch: one look a second. */
export const LOOK_PERIOD_MS = 1_000;
/** A director that is stopped by a signal checks nothing and answers nobody. So many looks in a row must find it so. */
const LOOKS_STOPPED = 5;
/** One that goes round in circles does not answer. A large configuration may keep a healthy one busy for seconds. */
const LOOKS_UNANSWERED = 30;

export class DirectorWatch {
  private stopped = 0;
  private unanswered = 0;

  /** Another director begins. */
  reset(): void {
    this.stopped = 0;
    this.unanswered = 0;
  }

  /** The director has said something. */
  heard(): void {
    this.unanswered = 0;
  }

  /** One look, after which the director is asked whether it is there. `isStopped`: by a signal. Gives the reason to end it, if there is one. */
  look(isStopped: boolean): string | undefined {
    this.stopped = isStopped ? this.stopped + 1 : 0;
    this.unanswered = isStopped ? 0 : this.unanswered + 1;
    const reason =
      this.stopped >= LOOKS_STOPPED
        ? `has been stopped for ${(LOOKS_STOPPED * LOOK_PERIOD_MS) / 1000} s`
        : this.unanswered > LOOKS_UNANSWERED
          ? `has not answered for ${(LOOKS_UNANSWERED * LOOK_PERIOD_MS) / 1000} s`
          : undefined;
    if (reason !== undefined) this.reset();
    return reason;
  }
}
