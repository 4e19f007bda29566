/** keepalived's syslog levels; `debug` is what keepalived prints only with -D. */
export type LogLevel = 'error' | 'warning' | 'notice' | 'info' | 'debug';

/** One line per event. Messages a keepalived user greps keep keepalived's wording; no secrets. */
export interface Logger {
  log(level: LogLevel, message: string): void;
}
