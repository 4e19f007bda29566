/** What `-v` and `-h` print. */

export const VERSION_LINE = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)';

export const HELP = `${VERSION_LINE}
This is vipwright's ipvsadm: the same arguments, listings and exit codes, on vipwright's tables.

One command, first:
  -A, --add-service     SERVICE [-s NAME] [-p [SECONDS]] [-M MASK] [-o] [-b FLAGS]
  -E, --edit-service    SERVICE [the same]
  -D, --delete-service  SERVICE
  -C, --clear           delete every service
  -a, --add-server      SERVICE -r SERVER [-g|-i|-m|--fullnat] [-w WEIGHT] [-x UPPER] [-y LOWER] [tunnel options]
  -e, --edit-server     SERVICE -r SERVER [the same]
  -d, --delete-server   SERVICE -r SERVER
  -P, --add-laddr, -Q, --del-laddr
                        SERVICE -z ADDRESS  where full NAT sends from
  -G, --get-laddr       [SERVICE]
  -L, -l, --list        [SERVICE | -c | --timeout | --daemon] [listing options]
  -Z, --zero            [SERVICE]  zero the counters
  -S, --save [-n]       print the table as rules; -R, --restore reads rules from standard input
  --set TCP TCPFIN UDP  connection time-outs in seconds; 0 keeps one
  --start-daemon, --stop-daemon master|backup
                        not in this version: connections are not synchronized
  -h, --help; -v, --version

SERVICE is one of
  -t, --tcp-service ADDRESS[:PORT]     -u, --udp-service ADDRESS[:PORT]
  --sctp-service ADDRESS[:PORT]        -f, --fwmark-service MARK [-6]
SERVER is ADDRESS[:PORT]; IPv6 addresses with a port stand in brackets.

Options
  -s, --scheduler NAME     rr and wrr in this version; ipvsadm's default wlc must be overridden
  -p, --persistent [SECS]  a client stays with its server; 360 unless told
  -M, --netmask MASK       the network that counts as one client: a mask, or for IPv6 a length
  -o, --ops                one-packet scheduling (UDP)
  -b, --sched-flags FLAGS  sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3
  --pe NAME                persistence engine: none in this version
  -g, --gatewaying         direct routing (default); -i, --ipip: tunnel; -m, --masquerading: NAT; --fullnat
  -z, --local-address, --laddr ADDRESS
                           an address of this director
  -w, --weight N           0 takes no new connections; 1 unless told
  -x, --u-threshold N, -y, --l-threshold N
                           connections at which a server takes no more, and takes them again
  --tun-type ipip|gue|gre, --tun-port PORT, --tun-nocsum, --tun-csum, --tun-remcsum
Listing options
  -n, --numeric  --stats  --rate  --thresholds  --persistent-conn  --tun-info  --nosort  -X, --exact
`;
