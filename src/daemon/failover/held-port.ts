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

export class HeldPort<News extends object> implements ThreadPort {
  private readonly port: ThreadPort;
  private readonly tell: (news: News) => void;
  private readonly waiting: { readonly message: FromThread | undefined; readonly news: News | undefined }[] = [];
  private held = false;

  /** `tell` makes messages of news, when there is time for that. */
  constructor(port: ThreadPort, tell: (news: News) => void) {
    this.port = port;
    this.tell = tell;
  }

  /** From here on messages wait for `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    if (this.waiting.length === 0) return;
    for (const { message, news } of this.waiting.splice(0)) {
      if (message) this.port.post(message);
      if (news) this.tell(news);
    }
  }

  post(message: FromThread): void {
    if (this.held) this.waiting.push({ message, news: undefined });
    else this.port.post(message);
  }

  /** The same for what is no message yet. */
  postNews(news: News): void {
    if (this.held) this.waiting.push({ message: undefined, news });
    else this.tell(news);
  }

  receive(): ToThread | undefined {
    return this.port.receive();
  }
}
