/** The director process from outside: its messages, its signals, its end. */

import { reviveAddresses } from '../failover/transfer.ts';
import type { ToDirector, ToFailover } from '../ipc.ts';
import { createLogger } from '../log.ts';
import { Director } from './director.ts';

/** Runs until the failover process says stop or dies; resolves with the exit code. */
export function runDirector(): Promise<number> {
  if (!process.send) {
    process.stderr.write('vipwrightd: "director" is the inner process; start vipwrightd -f FILE instead\n');
    return Promise.resolve(2);
  }
  // The failover process decides when we end. A signal sent to the whole group (Ctrl-C, a service manager) reaches it too.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  return new Promise((resolve) => {
    const directorProcess = new DirectorProcess(resolve);
    process.on('message', (message) => void directorProcess.receive(message as ToDirector));
    process.on('disconnect', () => void directorProcess.orphaned());
  });
}

class DirectorProcess {
  private readonly finish: (exitCode: number) => void;
  private director: Director | undefined;
  private ending = false;

  constructor(finish: (exitCode: number) => void) {
    this.finish = finish;
  }

  async receive(message: ToDirector): Promise<void> {
    switch (message.type) {
      case 'configure':
        return this.configure(message);
      case 'transition':
        return this.director?.transition(message.notice);
      case 'saved-sysctls':
        if (this.director) this.director.savedSysctls = message.saved;
        return;
      case 'bfd-changed':
        return this.director?.sessionChanged(message.session, message.up);
      case 'sync-daemon':
        // Sent for a connection-sync daemon, which this version has none of.
        return;
      case 'vrrp-status':
        return this.director?.answerStatus(message.id, message.status);
      case 'alive?':
        return send({ type: 'alive' });
      case 'stop':
        return this.end(0);
    }
  }

  /** The channel closed without a stop: the failover process is dead. */
  async orphaned(): Promise<void> {
    if (this.ending) return;
    this.director?.guard();
    await this.end(1);
  }

  private async configure(message: Extract<ToDirector, { type: 'configure' }>): Promise<void> {
    const configuration = reviveAddresses(message.configuration);
    if (this.director) return this.director.reload(configuration);
    const logger = createLogger({ detail: message.settings.detail });
    try {
      this.director = new Director(configuration, message.settings, logger, { send });
      await this.director.start();
    } catch (error) {
      send({ type: 'fatal', message: `The director cannot work: ${(error as Error).message}` });
    }
  }

  private async end(exitCode: number): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    await this.director?.stop();
    if (process.connected) process.disconnect?.();
    this.finish(exitCode);
  }
}

/** Sending to a dead process is no news here: `disconnect` tells. */
function send(message: ToFailover): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
