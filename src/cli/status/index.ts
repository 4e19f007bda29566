/** `vipwright status`: what this director owns, what it forwards, what is wrong. */
import { ApiClient } from '../../api/index.ts';
import { formatStatus } from './format.ts';

/** Prints the status, as text or as the API's JSON. Throws ConnectionError without a daemon. Returns 1 when something is wrong, else 0. */
export async function runStatus(
  options: { readonly json: boolean; readonly socket: string },
  out: (text: string) => void,
): Promise<number> {
  const report = await new ApiClient(options.socket).status();
  out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatStatus(report));
  const fault = report.vrrp.routers.some((router) => router.state === 'FAULT');
  const lost = report.services.some((service) => service.quorum === 'lost');
  return report.failover.alive && !fault && !lost ? 0 : 1;
}
