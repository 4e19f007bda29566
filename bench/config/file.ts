/** A large configuration, made and not kept: virtual servers of a hundred real servers each, every one with a TCP_CHECK. */

const SERVERS_PER_SERVICE = 100;

export function configurationText(servers: number): string {
  const blocks: string[] = ['global_defs {\n    router_id BENCH\n}\n'];
  for (let first = 0; first < servers; first += SERVERS_PER_SERVICE) {
    const service = first / SERVERS_PER_SERVICE;
    const count = Math.min(SERVERS_PER_SERVICE, servers - first);
    const members = Array.from({ length: count }, (_, index) => realServer(first + index));
    blocks.push(`virtual_server 10.${200 + (service >> 8)}.${service & 255}.1 80 {
    delay_loop 6
    lb_algo wrr
    lb_kind DR
    protocol TCP
${members.join('')}}
`);
  }
  return blocks.join('\n');
}

function realServer(number: number): string {
  return `    real_server 10.${number >> 16}.${(number >> 8) & 255}.${number & 255} 80 {
        weight ${1 + (number % 5)}
        TCP_CHECK {
            connect_timeout 3
            retry 2
            delay_before_retry 1
        }
    }
`;
}
