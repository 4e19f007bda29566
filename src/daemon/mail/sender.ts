/**
 * Sends alert mail through the configured relay, in plain SMTP without TLS or login, as keepalived does. Nothing ever waits for it:
 * alerts queue up, a relay that is away is tried again a few times, and what does not fit or arrive is counted.
 */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { hostname } from 'node:os';
import { createTransport } from 'nodemailer';
import { toMillis } from '../../base/index.ts';
import type { Mail } from '../../director/index.ts';
import type { MailSettings } from '../../model/index.ts';
import type { Logger } from '../../ports/index.ts';

/** Alerts that may wait; beyond it the oldest goes, because the newest says how things are. */
const MAX_QUEUED = 200;
/** Pauses between the attempts for one alert, in milliseconds; after the last it is given up. */
const RETRY_DELAYS_MS = [1_000, 5_000, 30_000, 120_000];

export interface MailCounts {
  readonly sent: number;
  readonly queued: number;
  /** Given up after the last attempt, refused by the relay, or pushed out of a full queue. */
  readonly lost: number;
}

export interface MailSenderOptions {
  readonly logger: Logger;
  /** For tests; see RETRY_DELAYS_MS. */
  readonly retryDelaysMs?: readonly number[];
}

interface Queued {
  readonly mail: Mail;
  /** When it happened, which is the date that the reader wants, not that of the last attempt. */
  readonly date: Date;
  attempts: number;
}

export class MailSender {
  private settings: MailSettings;
  private readonly logger: Logger;
  private readonly retryDelaysMs: readonly number[];
  private readonly queue: Queued[] = [];
  private sent = 0;
  private lost = 0;
  /** Since when the relay could not be reached, which was logged: the number of alerts lost until then. */
  private outage: { readonly lostBefore: number } | undefined;
  private closed = false;
  private worker: Promise<void> | undefined;
  private socket: Socket | undefined;
  /** Ends the pause before the next attempt. */
  private wake: (() => void) | undefined;

  constructor(settings: MailSettings, options: MailSenderOptions) {
    this.settings = settings;
    this.logger = options.logger;
    this.retryDelaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
  }

  /** Takes over new settings (a reload); they hold for waiting alerts too, which are tried at once. */
  configure(settings: MailSettings): void {
    this.settings = settings;
    this.wake?.();
  }

  /** Queues an alert. Without recipients there is nobody to tell, and it is dropped. */
  send(mail: Mail): void {
    if (this.closed || this.settings.recipients.length === 0) return;
    this.queue.push({ mail, date: new Date(), attempts: 0 });
    // The first is under way, or next in turn to be tried again.
    if (this.queue.length > MAX_QUEUED) this.discard(this.queue[1] as Queued);
    this.worker ??= this.work();
  }

  counts(): MailCounts {
    return { sent: this.sent, queued: this.queue.length, lost: this.lost };
  }

  /** Gives waiting alerts one more attempt each and at most `limitMs` together, then drops the rest. Nothing is accepted any more. */
  async close(limitMs = 1_000): Promise<void> {
    this.closed = true;
    this.wake?.();
    if (!this.worker) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.worker, limit]);
    clearTimeout(timer);
    this.lost += this.queue.splice(0).length;
    this.socket?.destroy();
  }

  private async work(): Promise<void> {
    for (let alert = this.queue[0]; alert; alert = this.queue[0]) {
      alert.attempts++;
      const failure = await this.attempt(alert);
      if (!failure) {
        this.delivered(alert);
        continue;
      }
      this.report(failure);
      const delay = this.retryDelaysMs[alert.attempts - 1];
      if (failure.permanent || delay === undefined || this.closed) this.discard(alert);
      else await this.pause(delay);
    }
    this.worker = undefined;
  }

  private async attempt({ mail, date }: Queued): Promise<Failure | undefined> {
    const { server, port, timeout, recipients, from, heloName } = this.settings;
    const timeoutMs = Math.max(1, Math.round(toMillis(timeout)));
    const name = heloName ?? hostname();
    this.socket = new Socket();
    const transport = createTransport({
      host: server,
      port,
      name,
      // A socket of our own, so that closing down can end an attempt.
      socket: this.socket,
      secure: false,
      ignoreTLS: true,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
    });
    try {
      const result = await transport.sendMail({
        // `root` and `Director <root@example.com>` are both what sites write.
        envelope: { from: /<([^<>]*)>/.exec(from)?.[1] ?? from, to: [...recipients] },
        from: from.includes('<') ? from : { name: '', address: from },
        ...subjectOf(mail),
        to: recipients.map((address) => ({ name: '', address })),
        date,
        messageId: `<${randomUUID()}@${name}>`,
        xMailer: 'vipwright',
        text: `${mail.body}\n`,
      });
      if (result.rejected.length > 0) {
        this.logger.log('warning', `SMTP server ${this.relay} refused the recipients ${result.rejected.map(String).join(', ')}`);
      }
      return undefined;
    } catch (error) {
      return describe(error);
    } finally {
      this.socket.destroy();
    }
  }

  private delivered(alert: Queued): void {
    this.remove(alert);
    this.sent++;
    if (!this.outage) return;
    const lost = this.lost - this.outage.lostBefore;
    this.logger.log('info', `Remote SMTP server ${this.relay} connected.${lost > 0 ? ` Alerts lost meanwhile: ${lost}.` : ''}`);
    this.outage = undefined;
  }

  private report(failure: Failure): void {
    if (failure.permanent) {
      this.logger.log('error', `SMTP server ${this.relay} refused an alert: ${failure.text}`);
    } else if (!this.outage) {
      this.outage = { lostBefore: this.lost };
      this.logger.log('error', `SMTP connection ERROR to ${this.relay}. (${failure.text})`);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      // An alert that waits for its next attempt is no reason for the process to live on.
      timer.unref();
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private discard(alert: Queued): void {
    if (this.remove(alert)) this.lost++;
  }

  private remove(alert: Queued): boolean {
    const index = this.queue.indexOf(alert);
    if (index >= 0) this.queue.splice(index, 1);
    return index >= 0;
  }

  private get relay(): string {
    return `[${this.settings.server}]:tcp:${this.settings.port}`;
  }
}

interface Failure {
  readonly text: string;
  /** The relay understood and said no (5xx): asking again would not help. */
  readonly permanent: boolean;
}

function describe(error: unknown): Failure {
  const { message, responseCode } = error as { message?: string; responseCode?: number };
  return { text: message ?? String(error), permanent: responseCode !== undefined && responseCode >= 500 };
}

/** Printable ASCII goes out as it is, on one line: keepalived folds nothing, and people filter on whole subjects. */
function subjectOf({ subject }: Mail): { subject: string } | { headers: { Subject: { prepared: true; value: string } } } {
  return /^[\x20-\x7e]*$/.test(subject) ? { headers: { Subject: { prepared: true, value: subject } } } : { subject };
}
