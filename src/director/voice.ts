/** What a service tells the world about itself: commands, lines for the notify FIFOs, mail. In keepalived's order: command, line, mail. */
import {
  type Check,
  type CheckedRealServer,
  type CheckedService,
  type RealServerKey,
  realServerText,
  type ScriptCommand,
  serviceKeyText,
} from '../model/index.ts';
import {
  composeQuorumMail,
  composeServerMail,
  composeShutdownMail,
  type Mail,
  type QuorumChange,
  removalBody,
  verdictBody,
} from './mail.ts';

/** Settings of the whole daemon that say what is told. */
export interface NoticePolicy {
  /** Node label in mail subjects (`router_id`, else the host name). */
  readonly routerId: string;
  /** Mail only when a real server is added or removed, not for each of its checks (`no_checker_emails`). */
  readonly noCheckerMail: boolean;
  /** Notices for real servers that are up from the start (`rs_init_notifies`). */
  readonly initialNotifies: boolean;
}

/** Where a service's announcements go: the engine's list of effects. */
export interface Outbox {
  /** A reload may change it. */
  policy: NoticePolicy;
  log(message: string): void;
  mail(mail: Mail): void;
  script(command: ScriptCommand, object: string): void;
  /** For the FIFOs. */
  line(line: string): void;
}

/** keepalived's writer counts the byte that ends a string in C: it follows every line, and readers have learned to live with it. */
const LINE_END = '\n\0';

export class Voice {
  private readonly outbox: Outbox;
  /** False for all members of a group but the first: a group is one service to the world (keepalived). */
  speaks = true;
  config: CheckedService;

  constructor(outbox: Outbox, config: CheckedService) {
    this.outbox = outbox;
    this.config = config;
  }

  get policy(): NoticePolicy {
    return this.outbox.policy;
  }

  /** Every table has its own lines in the log, those of a group, too. */
  log(message: string): void {
    this.outbox.log(message);
  }

  /** A server went up or down: its command and its line. Mail follows by the check that found it. */
  serverChanged(server: CheckedRealServer, state: 'up' | 'down'): void {
    if (!this.speaks) return;
    const name = realServerText(this.config.key, server);
    const script = state === 'up' ? server.notifyUp : server.notifyDown;
    if (script) this.outbox.script(script, name);
    this.outbox.line(`RS ${name} ${this.name} ${state.toUpperCase()}${LINE_END}`);
  }

  mailCheck(server: CheckedRealServer, check: Check['kind'], state: 'up' | 'down'): void {
    this.mailServer(server, state, verdictBody(check, state));
  }

  mailRemoval(server: CheckedRealServer, cause: 'removed' | 'shut-down'): void {
    this.mailServer(server, 'down', removalBody(cause));
  }

  quorumChanged(change: QuorumChange): void {
    if (!this.speaks) return;
    this.commandAndLine(change.up);
    if (this.config.smtpAlert) this.outbox.mail(composeQuorumMail(this.policy.routerId, this.name, change));
  }

  /** The service is up from the start, which keepalived writes into the FIFOs and says nowhere else. */
  startsUp(): void {
    if (this.speaks) this.outbox.line(`VS ${this.name} UP${LINE_END}`);
  }

  /** The daemon ends while the service is up, and `omega` wants that to be told. */
  shutDown(): void {
    if (!this.speaks) return;
    this.commandAndLine(false);
    if (this.config.smtpAlert) this.outbox.mail(composeShutdownMail(this.policy.routerId, this.name));
  }

  private commandAndLine(up: boolean): void {
    const script = up ? this.config.quorumUp : this.config.quorumDown;
    if (script) this.outbox.script(script, serviceKeyText(this.config.key));
    this.outbox.line(`VS ${this.name} ${up ? 'UP' : 'DOWN'}${LINE_END}`);
  }

  private mailServer(server: CheckedRealServer, state: 'up' | 'down', body: string): void {
    if (!this.speaks || !server.smtpAlert) return;
    this.outbox.mail(composeServerMail(this.policy.routerId, this.name, this.nameOf(server), state, body));
  }

  /** keepalived's name of the service; of a group `[NAME]:0`, because it has no port of its own. */
  private get name(): string {
    const { group, key } = this.config;
    return group === undefined ? serviceKeyText(key) : `[${group}]:0`;
  }

  private nameOf(server: RealServerKey): string {
    return realServerText(this.config.key, server);
  }
}
