/** For tests: virtual servers, real servers and checks around the lines that a test is about. */
import type { Check } from '../../model/index.ts';
import { readKeepalived } from './read.ts';

export const GOOD = `vrrp_instance VI_1 {
interface eth0
virtual_router_id 51
no_virtual_ipaddress
}
virtual_server 10.0.0.100 80 {
lvs_sched rr
lvs_method DR
protocol TCP
real_server 10.0.0.1 80 {
TCP_CHECK {
}
}
}
`;

export function read(text: string) {
  const { configuration, diagnostics } = readKeepalived(text, { file: 'k.conf' });
  // What this version cannot forward is refused; here it is read.
  const heard = diagnostics.filter(({ code }) => code !== 'config/unsupported' && code !== 'config/not-acted-on');
  return { ...configuration, diagnostics, codes: heard.map(({ range, severity, code }) => `${range.line} ${severity} ${code}`) };
}

export const SERVER = 'real_server 10.0.0.1 80 {\nTCP_CHECK {\n}\n}';

/** Lines of a virtual_server start at line 5. */
export function service(
  lines: string,
  servers = SERVER,
  head = 'virtual_server 10.0.0.100 80',
  start = 'lvs_sched rr\nlvs_method DR\nprotocol TCP',
) {
  const { services, codes, diagnostics } = read(`${head} {\n${start}\n${lines}\n${servers}\n}\n`);
  return { service: services[0], services, codes, diagnostics };
}

/** Lines of a real_server start at line 7. */
export const server = (lines: string, start?: string) => {
  const { service: found, codes } = service('', `real_server 10.0.0.1 80 {\n${lines}\n}`, undefined, start);
  return { server: found?.servers[0], codes };
};

/** The first check of a server, which is of that kind; its lines start at line 8. */
export function check<K extends Check['kind']>(_kind: K, name: string, lines: string) {
  const { server: found, codes } = server(`${name} {\n${lines}\n}`);
  return { check: found?.checks[0] as Extract<Check, { kind: K }> | undefined, codes };
}
