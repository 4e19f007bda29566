/**
 * Every diagnostic code of the configuration readers: stable names, their usual severity and what they mean.
 * docs/diagnostics.md is this table in prose; a test compares the two.
 */
import type { Severity } from '../base/index.ts';

interface CodeEntry {
  readonly severity: Severity;
  /** One line for the page of codes. */
  readonly meaning: string;
}

const entry = (severity: Severity, meaning: string): CodeEntry => ({ severity, meaning });

export const DIAGNOSTIC_CODES = {
  'config/unknown-keyword': entry('warning', 'The word is no keyword of its block. The line is ignored.'),
  'config/unknown-block': entry('error', 'The word before a brace is no block that belongs here. The whole block is skipped.'),
  'config/missing-close-brace': entry(
    'error',
    'A block is never closed. The reader closes it where the next keyword shows that it must have ended.',
  ),
  'config/missing-open-brace': entry('error', 'A keyword that needs a block is not followed by one.'),
  'config/unexpected-brace': entry('error', 'An opening brace follows something that takes no block, or nothing at all.'),
  'config/stray-brace': entry('warning', 'A closing brace without a block to close. It is ignored.'),
  'config/early-close-brace': entry('warning', 'A closing brace ends a block whose statements go on after it. It is ignored.'),
  'config/misplaced-block': entry('warning', 'A real_server stands outside any virtual_server. It joins the virtual_server before it.'),
  'config/stray-text': entry('warning', 'Text between a keyword and its opening brace. It is ignored.'),
  'config/unterminated-quote': entry('error', 'A quoted text has no closing quote on its line.'),
  'config/odd-space': entry(
    'warning',
    'Invisible characters that are no plain spaces (often copied from a web page). They are read as spaces here, not by keepalived.',
  ),
  'config/missing-value': entry('error', 'A keyword lacks its value.'),
  'config/extra-words': entry('warning', 'Words after the last value that the keyword takes. They are ignored.'),
  'config/bad-value': entry('error', 'A value is not of the form that the keyword takes.'),
  'config/out-of-range': entry('error', 'A number lies outside the range of the keyword.'),
  'config/bad-address': entry('error', 'A word that should be an IP address is none.'),
  'config/missing-keyword': entry('error', 'A block lacks a keyword that it cannot work without.'),
  'config/repeated-keyword': entry('warning', 'A keyword is given twice in one block. The last one counts.'),
  'config/unsupported': entry(
    'error',
    'A valid keyword or value that this version does not act on, and without which the system would do something else than asked.',
  ),
  'config/not-acted-on': entry('warning', 'A valid keyword that this version does not act on. Everything else works without it.'),
  'config/deprecated-keyword': entry('info', 'An old spelling or an old way. It works as ever; the message names the present one.'),
  'config/duplicate-name': entry('error', 'Two blocks of one kind have the same name.'),
  'config/duplicate-vrid': entry('error', 'Two virtual routers on one interface have the same virtual_router_id.'),
  'config/duplicate-service': entry('error', 'Two virtual_server blocks describe the same service.'),
  'config/duplicate-server': entry('warning', 'A real server is given twice in one virtual_server. The second one is dropped.'),
  'config/unknown-reference': entry('error', 'A name refers to a virtual router or script that the configuration does not define.'),
  'config/two-groups': entry('error', 'A virtual router is a member of two sync groups.'),
  'config/one-member-group': entry('warning', 'A sync group of one member has nothing to keep in step.'),
  'config/no-address': entry('warning', 'A virtual router without a virtual address: it would be elected for nothing.'),
  'config/password-truncated': entry('warning', 'VRRP carries 8 bytes of password. The rest is cut off, as keepalived does.'),
  'config/nopreempt-with-master': entry(
    'warning',
    'nopreempt or preempt_delay together with state MASTER or priority 255. It is ignored, as keepalived does.',
  ),
  'config/port-forced': entry('warning', 'Direct routing cannot change the port. The real server gets the port of the virtual server.'),
  'config/quorum-lowered': entry('warning', 'The quorum is above the total weight of the real servers. It is lowered to that weight.'),
  'config/empty-service': entry('warning', 'A virtual_server without a real server. It is dropped.'),
  'config/no-effect': entry('warning', 'A keyword has no effect together with, or without, another one. It is ignored.'),
  'config/zero-port': entry('warning', 'A virtual service on all ports is not persistent. It is made persistent, as keepalived does.'),
  'config/family-mismatch': entry('error', 'Two addresses that belong together are of different families, IPv4 and IPv6.'),
  'config/no-check': entry('info', 'A real server without a check. It counts as healthy whatever happens.'),
  'config/checks-differ': entry(
    'warning',
    'A real server stands in two virtual services with different checks. It can be up in one and down in the other.',
  ),
  'config/check-elsewhere': entry('info', 'A check looks at another port than the one that clients reach.'),
  'config/sorry-server-is-real': entry('warning', 'The sorry server is one of the real servers, which have failed when it is needed.'),
  'config/shell-command': entry('info', 'A script is written in shell syntax. It is run by a shell, whose choice the message names.'),
  'config/include-not-found': entry(
    'warning',
    'An include names a file that is not there or cannot be read. keepalived continues without it, and so does vipwright.',
  ),
  'config/include-depth': entry('error', 'Includes are nested too deeply, most likely in a circle.'),
  'config/undefined-parameter': entry('warning', `A $NAME or \${NAME} that no line before defines. It stays in the text as it is written.`),
  'config/unreplaced-parameter': entry('warning', 'A parameter that is defined and stays as it is written, because of where it stands.'),
  'config/parameter-loop': entry('error', 'A parameter whose value contains the parameter itself.'),
  'config/bad-sequence': entry('error', 'The words in the parentheses of a ~SEQ or ~LST cannot be read. The line is left out.'),
  'config/bad-condition': entry('warning', 'An @ without an id directly after it. The line is never read.'),
  'config/expansion-limit': entry('error', 'Parameters or sequences expand to more than anybody could want. The rest is left out.'),
  'config/no-broadcast': entry('warning', '`brd +` or `brd -` on an address without a network around it. It gets no broadcast address.'),
  'config/mixed-families': entry('error', 'IPv4 and IPv6 in one line or one virtual router, where all must be of one family.'),
  'config/rule-without-priority': entry(
    'warning',
    'A policy rule without a priority. It gets one, counted down from 16384, as in keepalived.',
  ),
  'config/unusual-value': entry('warning', 'A value that is allowed and hardly ever meant.'),
  'config/strict-ignores': entry('warning', 'Strict mode knows no such setting. It is ignored, as keepalived does.'),
  'config/vip-not-answering': entry(
    'warning',
    'Strict mode makes a MASTER that does not own its addresses forward for them without answering on them.',
  ),
  'config/version-forced': entry('warning', 'Strict mode knows no VRRP version 2 over IPv6. Version 3 is spoken, as in keepalived.'),
  'config/version-2-over-ipv6': entry(
    'info',
    'VRRP version 2 over IPv6, which is of keepalived and of no RFC. All directors must speak it.',
  ),
  'config/password-not-sent': entry('warning', 'A password with VRRP version 2 over IPv6, which has no place for it. It protects nothing.'),
  'config/owner-not-master': entry('warning', 'Priority 255 together with state BACKUP: an owner that starts by waiting.'),
  'config/authentication-ignored': entry(
    'warning',
    'Authentication where the version or strict mode knows none. Advertisements are believed without it.',
  ),
  'config/unicast-without-peers': entry(
    'warning',
    'A keyword about unicast without a peer. Advertisements go to the multicast group, as in keepalived.',
  ),
  'config/peer-is-self': entry('error', 'A unicast peer is the own source address of the virtual router.'),
  'config/vmac-base-forced': entry(
    'warning',
    'Unicast together with use_vmac: advertisements pass through the interface below the macvlan.',
  ),
  'config/track-script-missing': entry('warning', 'The program of a vrrp_script is not there or not executable. It fails at every run.'),
  'config/script-missing': entry('warning', 'The program of a notify script or a check is not there or not executable.'),
  'config/script-alterable': entry(
    'warning',
    'Others than root can alter a program that the daemon runs, or a folder on the way to it. With enable_script_security it is not run.',
  ),
  'config/script-security': entry('info', 'Programs are run and enable_script_security is not written.'),
  'config/duplicate-address': entry('warning', 'One address in two virtual routers, or twice in one.'),
  'config/uneven-group': entry('warning', 'Members of a sync group that would notice the loss of a MASTER at different times.'),
  'config/not-link-local': entry(
    'warning',
    'The first IPv6 address of a virtual router is not link-local. In strict mode this is an error.',
  ),
  'config/weight-in-group': entry('warning', 'A weighted tracker of a member of a sync group. It is ignored, as keepalived does.'),
  'config/too-many-addresses': entry(
    'error',
    'More addresses than an advertisement carries. The rest is moved but not advertised, as in keepalived.',
  ),
  'config/incomplete-line': entry('error', 'A word inside a line lacks its value.'),
  'config/unknown-word': entry('warning', 'A word that means nothing in its line. The rest of the line is ignored.'),
  'config/slow-detection': entry('warning', 'Settings of BFD that notice a failure late.'),
  'config/not-tracked': entry('warning', 'A route that cannot be watched, so that nobody notices when it is deleted.'),
  'config/protocol-reset': entry(
    'warning',
    'A watched route or rule with a protocol of its own. It gets the protocol keepalived, as in keepalived.',
  ),
  'config/ah-with-master': entry('warning', 'state MASTER together with auth_type AH. It counts as BACKUP, as keepalived does.'),
  'config/absent-interface': entry('error', 'The network interface does not exist on this host.'),
} as const satisfies Record<string, CodeEntry>;

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;
