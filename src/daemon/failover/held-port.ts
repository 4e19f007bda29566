/**
 * The way to the main thread, held back while there is something to do: telling copies the message and wakes that thread, and may have to
 * wait for it, whereas a takeover must not wait for anything. The order of what is told stays.
 */
import type { FromThread, ToThread } from './thread-messages.ts';

/** `receive` gives the next waiting message. */
export interface ThreadPort {
  post(message: FromThread): void;
  receive(): ToThread | undefined;
}

export class HeldPort implements ThreadPort {
  private readonly port: ThreadPort;
  private readonly waiting: FromThread[] = [];
  private held = false;

  constructor(port: ThreadPort) {
    this.port = port;
  }

  /** From here on messages wait for `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    if (this.waiting.length === 0) return;
    for (const message of this.waiting) this.port.post(message);
    this.waiting.length = 0;
  }

  post(message: FromThread): void {
    if (this.held) this.waiting.push(message);
    else this.port.post(message);
  }

  receive(): ToThread | undefined {
    return this.port.receive();
  }
}
