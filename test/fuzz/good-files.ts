/** Configurations without a fault, beside the pages' own: what the mutations start from. */

/** Two routers in a group with a script, a service with three kinds of check, a sorry server. */
const WHOLE = `! a pair of directors
global_defs {
    notification_email {
        ops@example.com
        night@example.com
    }
    notification_email_from lvs@example.com
    smtp_server 192.168.1.25
    smtp_connect_timeout 30
    router_id LVS_A
}

vrrp_script chk_nginx {
    script "/usr/local/bin/check nginx"
    interval 2
    fall 2
    rise 2
}

vrrp_sync_group PAIR {
    group {
        INSIDE
        OUTSIDE
    }
}

vrrp_instance OUTSIDE {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass s3cret
    }
    virtual_ipaddress {
        203.0.113.10/24 dev eth0
        203.0.113.11/24 dev eth0
    }
    track_script {
        chk_nginx
    }
}

vrrp_instance INSIDE {
    state BACKUP
    interface eth1
    virtual_router_id 52
    priority 150
    advert_int 1
    virtual_ipaddress {
        10.9.0.1/24
    }
}

virtual_server 203.0.113.10 80 {
    delay_loop 6
    lvs_sched rr
    lvs_method DR
    persistence_timeout 50
    protocol TCP
    sorry_server 10.9.0.99 80
    real_server 10.9.0.11 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 3
            retry 3
        }
    }
    real_server 10.9.0.12 80 {
        weight 1
        HTTP_GET {
            url {
                path "/health check"
                status_code 200
            }
            connect_timeout 3
            retry 3
            delay_before_retry 3
        }
    }
}
`;

/** The same kind of thing, written with everything that the language has. */
const LANGUAGE = `$NET=10.9
$PRIORITY=150
@backup $PRIORITY=100
$SERVER= \\
    real_server \${NET}.0.\${HOST} 80 { \\
        weight 1 \\
        TCP_CHECK { \\
            connect_timeout 3 \\
        } \\
    }

global_defs {
    router_id LVS_\${_INSTANCE}
}

vrrp_instance VI_1 {
    @main   state BACKUP
    @backup state BACKUP
    interface eth0
    virtual_router_id 51
    priority \${PRIORITY}
    virtual_ipaddress {
        ~SEQ(LAST, 10, 12) \${NET}.1.\${LAST}/24
        ~LST({A, B}, {2, 20}, {3, 30}) \${NET}.\${A}.\${B}/24
    }
}

virtual_server 10.9.1.10 80 {
    delay_loop 6
    lvs_sched rr
    lvs_method DR
    protocol TCP
    ~SEQ(HOST, 11, 13) $SERVER
}
`;

/** Braces and comments as people put them. */
const ODD_LAYOUT = `# left over from the old one
global_defs
{
\trouter_id LVS_B   ! tabs
}
vrrp_instance VI_1 { # one line
  state BACKUP
  interface eth0
  virtual_router_id 7
  priority 90
  virtual_ipaddress { 192.0.2.1/32 }
}

virtual_server 192.0.2.1 443
{
  lvs_sched rr
  lvs_method DR
  protocol TCP
  real_server 192.0.2.11 443 { weight 1
    TCP_CHECK { connect_timeout 3 }
  }
  real_server 192.0.2.12 443 { weight 1
    TCP_CHECK { connect_timeout 3 }
  }
}
`;

export const GOOD_FILES: readonly string[] = [WHOLE, LANGUAGE, ODD_LAYOUT];
