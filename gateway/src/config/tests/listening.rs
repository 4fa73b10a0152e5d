//! What is told of listeners and of the file itself.

use super::assert_told;

#[test]
fn every_fault_of_listeners_and_of_the_file_names_line_key_value_and_cure() {
    assert_told(&[
        ("[htp]", "w.toml:1: htp: unknown field `htp`; did you mean `http`?"),
        ("[quux]", "w.toml:1: quux: unknown field `quux`, expected one of"),
        (
            "[sip.listeners]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"",
            "w.toml:1: sip.listeners: is not a list; write [[sip.listeners]]",
        ),
        (
            "[http]\n[sip_ws]\norigins = [\"https://localhost:8443/\"]",
            "sip_ws.origins[0] = \"https://localhost:8443/\": is no origin; take out the / at its end",
        ),
        ("[http]\nbnd = \"x\"", "w.toml:2: http.bnd: unknown field `bnd`; did you mean `bind`?"),
        ("[http]\nbind = 8080", "w.toml:2: http.bind = 8080: is not a text; write address:port"),
        (
            "[http]\nbind = \"8080\"",
            "w.toml:2: http.bind = \"8080\": invalid socket address syntax; write address:port",
        ),
        (
            "[http]\norigins = [\"https://crm.example\"]",
            "w.toml:2: http.origins = [\"https://crm.example\"]: has moved to sip_ws.origins; write it into [sip_ws]",
        ),
        ("[http]\n[sip_ws]\norigins = [\"crm\"]", "w.toml:3: sip_ws.origins[0] = \"crm\": "),
        (
            "[http]\n[sip_ws]\npath = \"/status\"",
            "w.toml:3: sip_ws.path = \"/status\": is no path of its own; write",
        ),
        (
            "[http]\n[sip_ws]\nping_s = 0",
            "w.toml:3: sip_ws.ping_s = 0: is out of range; write 1 to 3600 seconds",
        ),
        (
            "[sip_ws]",
            "sip_ws has no listener of its own, and [http], which would serve it, is missing; add [http]",
        ),
        ("[sip]\nnameservers = [\"192.0.2.53\"]", "w.toml:2: sip.nameservers[0] = \"192.0.2.53\": "),
        ("[http\n", "w.toml:1: "),
        ("[http]\nbind = \"a\"\nbind = \"b\"", "w.toml:3: http.bind: duplicate key; take one of them out"),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:20000\"",
            "w.toml:3: sip.listeners[0].bind = \"0.0.0.0:20000\": media.rtp_ports has this port too; take another",
        ),
        (
            "[http]\n[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"0.0.0.0:8080\"",
            "w.toml:4: sip.listeners[0].bind = \"0.0.0.0:8080\": http.bind has this port too; take another",
        ),
        (
            "[http]\n[admin]\nbind = \"127.0.0.1:8080\"\ntoken_file = \"token\"",
            "w.toml:3: admin.bind = \"127.0.0.1:8080\": http.bind has this port too; take another",
        ),
        (
            "[http]\nbind = \"0.0.0.0:9650\"\n[admin]\ntoken_file = \"token\"",
            "w.toml:2: http.bind = \"0.0.0.0:9650\": admin.bind has this port too; take another",
        ),
        (
            "[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"0.0.0.0:9650\"\n[admin]\ntoken_file = \"token\"",
            "w.toml:3: sip.listeners[0].bind = \"0.0.0.0:9650\": admin.bind has this port too; take another",
        ),
        (
            "[[sip_ws.listeners]]\nbind = \"127.0.0.1:9651\"\n[admin]\nbind = \"127.0.0.1:9651\"\ntoken_file = \"token\"",
            "w.toml:2: sip_ws.listeners[0].bind = \"127.0.0.1:9651\": admin.bind has this port too; take another",
        ),
        (
            "[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"0.0.0.0:5060\"\n[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"127.0.0.1:5060\"\nname = \"own\"",
            "w.toml:6: sip.listeners[1].bind = \"127.0.0.1:5060\": another listener has this address (sip.listeners[0].bind)",
        ),
        (
            "[sip]\nredirects = \"perhaps\"",
            "w.toml:2: sip.redirects = \"perhaps\": is not true, false or \"pass\"; write true, false or \"pass\"",
        ),
        ("[sip]\ncontacts_max = 0", "w.toml:2: sip.contacts_max = 0: is out of range; write 1 to 100"),
        (
            "[sip]\ncalls_per_user = 0",
            "w.toml:2: sip.calls_per_user = 0: is out of range; write 1 or more; to have no calls, write no rule",
        ),
        ("a = 1\na = 2", "w.toml:2: a: duplicate key; take one of them out"),
        (
            "[tls]\ncertificate = \"no.pem\"\nprivate_key = \"no.key\"",
            "w.toml:2: tls.certificate = \"no.pem\": cannot be read: ",
        ),
        (
            "[[sip.listeners]]\ntransport = \"sctp\"\nbind = \"1.2.3.4:5\"",
            "w.toml:2: sip.listeners[0].transport = \"sctp\": is none of those that there are; write \"udp\", \"tcp\", \"tls\"",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"",
            "w.toml:2: sip.listeners[0].transport = \"udp\": this listener has no address; add bind",
        ),
        (
            "[http]\nbind = \"0.0.0.0:80\"\n[sip_ws]",
            "[http] listens beyond loopback and sip_ws names no origin, so no page could connect; add to [sip_ws]",
        ),
        (
            "[[sip_ws.listeners]]\ntransport = \"ws\"",
            "w.toml:2: sip_ws.listeners[0].transport = \"ws\": without bind it is served by [http], which is missing",
        ),
        (
            "[http]\n[[sip.listeners]]\ntransport = \"ws\"",
            "w.toml:3: sip.listeners[0].transport = \"ws\": SIP over WebSocket has a section of its own; write [sip_ws]",
        ),
        (
            "[http]\n[[sip_ws.listeners]]\nbind = \"0.0.0.0:8080\"",
            "w.toml:3: sip_ws.listeners[0].bind = \"0.0.0.0:8080\": http.bind has this port too; take another",
        ),
        (
            "[[sip_ws.listeners]]\nbind = \"0.0.0.0:443\"\ntransport = \"wss\"",
            "w.toml:2: sip_ws.listeners[0].bind = \"0.0.0.0:443\": a secure listener needs a certificate; add [tls]",
        ),
        (
            "[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"0.0.0.0:5070\"\n[[sip_ws.listeners]]\nbind = \"0.0.0.0:5070\"",
            "w.toml:5: sip_ws.listeners[0].bind = \"0.0.0.0:5070\": another listener has this address (sip.listeners[0].bind); give",
        ),
        (
            "[[sip.listeners]]\ntransport = \"tls\"\nbind = \"0.0.0.0:5061\"",
            "a secure listener needs a certificate; add [tls]",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:5060\"\nexternal_address = \"here\"\nlocal_networks = [\"10.0.0.1/8\"]",
            "w.toml:4: sip.listeners[0].external_address = \"here\": invalid IP address syntax; write an IP address",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:5060\"\nlocal_networks = [\"10.0.0.1/8\"]",
            "w.toml:4: sip.listeners[0].local_networks[0] = \"10.0.0.1/8\": ",
        ),
        (
            "[sip]\nlisteners = [{ transport = \"udp\", bind = \"0.0.0.0:5060\" }, { transport = \"udp\", bind = \"0.0.0.0:5060\" }]",
            "w.toml:2: sip.listeners[1].bind = \"0.0.0.0:5060\": another listener has this address (sip.listeners[0].bind)",
        ),
        ("[sip]\nrealm = 'a\"b'", "w.toml:2: sip.realm = 'a\"b': is no realm"),
        (
            "[sip]\nsession_expires_min_s = 0",
            "w.toml:2: sip.session_expires_min_s = 0: is out of range; write 1 to 86400 seconds",
        ),
        (
            "[sip]\nsession_expires_s = 60",
            "w.toml:2: sip.session_expires_s = 60: is out of range; \
             write 90 (session_expires_min_s) to 86400 seconds, or 0 to ask for none",
        ),
        (
            "[sip]\nexpires_min_s = 3601",
            "w.toml:2: sip.expires_min_s = 3601: is out of range; write 1 to 3600 (expires_max_s) seconds",
        ),
        (
            "[sip]\nexpires_max_s = 604801",
            "w.toml:2: sip.expires_max_s = 604801: is out of range; write 1 to 604800 seconds",
        ),
        (
            "[sip]\nexpires_min_s = 60\nexpires_max_s = 59",
            "w.toml:2: sip.expires_min_s = 60: is out of range; write 1 to 59 (expires_max_s) seconds",
        ),
        (
            "[sip]\nhost_silence_ms = 10",
            "w.toml:2: sip.host_silence_ms = 10: is out of range; write 600 to 31000",
        ),
        (
            "[sip]\nstrangers_per_address = 0",
            "w.toml:2: sip.strangers_per_address = 0: is out of range; write 1 to 10000",
        ),
        (
            "",
            "w.toml: nothing listens, so nobody could call; add [http] and [sip_ws] for browsers, or [[sip.listeners]]",
        ),
        (
            "[sip]\nrealm = \"a\\r\\nb\"",
            "w.toml:2: sip.realm = \"a\\\\r\\\\nb\": is no realm; write a name without quotes",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:5060\"\nexternal_address = \"0.0.0.0\"",
            "w.toml:4: sip.listeners[0].external_address = \"0.0.0.0\": is the address of no machine; write an IP",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:5060\"\nexternal_address = \"224.0.0.1\"",
            "external_address = \"224.0.0.1\": is the address of no machine; write an IP",
        ),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:5060\"\nexternal_address = \"2001:db8::1\"",
            "w.toml:4: sip.listeners[0].external_address = \"2001:db8::1\": is of another family than bind; write an address of",
        ),
        (
            "[tls]\ncertificate = \"/dev/zero\"\nprivate_key = \"no.key\"",
            "w.toml:2: tls.certificate = \"/dev/zero\": cannot be read: it is larger",
        ),
    ]);
}
