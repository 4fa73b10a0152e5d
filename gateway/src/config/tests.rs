//! What is accepted, what is refused, and with which words.

use std::fs::{self, Permissions};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;
use webtrunk_engine::config::EngineConfig;
use webtrunk_signalling::auth::digest::{Algorithm, Credentials, Ha1};
use webtrunk_signalling::sip::flow::TransportKind;

use super::example::{self, Example};
use super::load::{load, parse};
use super::*;

mod bridges;
mod files;

const MD5: &str = "0123456789abcdef0123456789abcdef";

fn environment(name: &str) -> Option<String> {
    (name == "HA1").then(|| MD5.to_owned())
}

/// A file with these permissions in a folder of its own.
fn file(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("the folder is ours");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the file is ours");
    path
}

/// Everything that is wrong with `text`, a line each.
fn faults(text: &str) -> String {
    match parse("w.toml", text, &environment) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_with_a_listener_alone_is_a_gateway_that_lets_nobody_in() {
    let config = parse("w.toml", "[http]", &environment).expect("defaults are sound");
    assert!(config.users.is_empty() && config.sip.listeners.is_empty() && config.rules.is_empty());
    assert_eq!(config.sip.realm, "webtrunk");
    assert_eq!(config.media.rtp_ports, 20_000..=29_999);
    assert_eq!(config.media.media_timeout.as_secs(), 60);
}

#[test]
fn each_adapter_has_a_switch_and_several_listeners() {
    let text = "[http]\n[sip]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n\
                [[sip.listeners]]\ntransport = \"udp\"\nbind = \"[::1]:5060\"\n[sip_ws]\n\
                [[sip_ws.listeners]]\n[[sip_ws.listeners]]\nname = \"own\"\nbind = \"[::1]:5080\"\n";
    let names = |text: &str| {
        let config = parse("w.toml", text, &environment).expect("sound");
        config.listeners().map(|listener| listener.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(text), ["ws", "own", "udp", "udp"]);
    let off =
        |section: &str| text.replace(&format!("[{section}]\n"), &format!("[{section}]\nenabled = false\n"));
    assert_eq!(names(&off("sip")), ["ws", "own"]);
    assert_eq!(names(&off("sip_ws")), ["udp", "udp"]);
    let trunk = "[[trunks]]\nname = \"p\"\nhost = \"192.0.2.7\"\n";
    assert!(parse("w.toml", &format!("{text}{trunk}"), &environment).is_ok());
    let told = faults(&format!("{}{trunk}", off("sip")));
    assert!(told.contains("no listener can call it over UDP"), "{told}");
    // Without [sip_ws] there is no WebSocket, whatever [http] serves.
    assert!(names("[http]\n").is_empty());
}

#[test]
fn a_header_that_never_passes_is_named_with_its_cure() {
    let told = faults(
        "[http]\n[sip]\nheaders_allow = [\"X-*\", \"Via\"]\n[[sip.listeners]]\ntransport = \"udp\"\n\
         bind = \"127.0.0.1:0\"\n[[trunks]]\nname = \"t\"\nhost = \"192.0.2.7\"\nheaders_allow = [\"*\"]\n",
    );
    let line = "w.toml:3: sip.headers_allow[1] = \"Via\": never passes: it belongs to one leg; take it out;";
    assert!(told.contains(line), "{told}");
    let line = "w.toml:10: trunks[0].headers_allow[0] = \"*\": names too many headers; write two characters";
    assert!(told.contains(line), "{told}");
}

/// docs/decisions/0008: less hurts speech where packets get lost.
#[test]
fn browsers_are_asked_for_the_bitrate_that_was_decided() {
    let config = parse("w.toml", "[http]", &environment).expect("defaults are sound");
    let bitrate = config.media.narrow_band_bitrate_bps.map(NonZeroU32::get);
    assert_eq!((bitrate, EngineConfig::default().narrow_band.bitrate_bps), (Some(24_000), Some(24_000)));
}

#[test]
fn the_example_of_the_documentation_is_sound_as_it_stands() {
    let config = parse("webtrunk.toml", example::TEXT, &|_| None).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.rules.len() >= 5 && config.users.is_empty() && config.trunks.is_empty());
    assert!(config.sip_ws.listeners.iter().any(|listener| listener.transport == TransportKind::Ws));
    assert!(config.listeners().all(|listener| listener.external_address.is_none()));
}

#[test]
fn the_example_of_the_documentation_is_sound_with_all_that_is_commented_out() {
    let example = Example::in_full();
    let config = example.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.trunks[0].sip.name, "provider");
    assert!(config.users.contains("alice") && config.rules.len() >= 7);
}

/// Keys that have no default, or one by the machine, are examples.
#[test]
fn what_is_commented_out_in_the_example_is_the_default() {
    let section = |name: &str, text: &str| -> toml::Value {
        let table: toml::Table = text.parse().expect("TOML");
        table.get(name).cloned().unwrap_or_else(|| toml::Table::new().into())
    };
    for name in ["http", "sip", "sip_ws", "media", "trace", "log"] {
        let checked = |mut section: toml::Value| {
            let keys = section.as_table_mut().expect("a section");
            for example in
                ["listeners", "calls_per_user", "shards", "candidates_allow", "checks_deny", "music_on_hold"]
            {
                keys.remove(example);
            }
            let text = toml::Table::from_iter([(name.to_owned(), section)]).to_string() + "\n";
            let text = if name == "http" { text } else { text + "[http]\n" };
            format!("{:?}", parse("w.toml", &text, &environment).expect("sound"))
        };
        assert_eq!(
            checked(section(name, example::TEXT)),
            checked(section(name, &example::in_full())),
            "{name}"
        );
    }
}

#[test]
fn every_fault_names_line_key_value_and_cure() {
    let cases = [
        ("[htp]", "w.toml:1: htp: unknown field `htp`; did you mean `http`?"),
        ("[quux]", "w.toml:1: quux: unknown field `quux`, expected one of"),
        ("[medai]\nshards = 1", "w.toml:1: medai: unknown field `medai`; did you mean `media`?"),
        ("[users]\nname = \"a\"", "w.toml:1: users: is not a list; write [[users]]"),
        (
            "[users]\nname = \"a\"\n[users]\nname = \"b\"",
            "w.toml:3: users: duplicate key; write [[users]], each time",
        ),
        (
            "[[rules]]\nname = \"a\"\n[media]\nshards = 1\n[media]\nshards = 2",
            "w.toml:5: media: duplicate key; take one of them out",
        ),
        (
            "[sip.listeners]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"",
            "w.toml:1: sip.listeners: is not a list; write [[sip.listeners]]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nnetworks = \"1.2.3.4\"",
            "trunks[0].networks = \"1.2.3.4\": is not a list; write [\"1.2.3.4\"]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nregister = true",
            "trunks[0].register = true: is not a list; write [{ user = \"4930123456\" }]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nsrtp = true",
            "trunks[0].srtp = true: is none of those that there are; write \"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"a\" }, ring_timeout_s = 10 }]",
            "rules[0].actions[0]: is a table of more than one key; write ring_timeout_s inside: { bridge = { .., ring_timeout_s = .. } }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ reject = 486 }]",
            "rules[0].actions[0].reject = 486: is none of those that there are; write \"busy\", \"declined\", ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [[\"answer\"]]",
            "rules[0].actions[0] = [\"answer\"]: is none of those that there are; write \"answer\", \"wait_ms\", ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"bridge\"]",
            "rules[0].actions[0] = \"bridge\": does not say what to do with it; write { bridge = { user = \"alice\" } }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = \"announcement\" }]",
            "actions[1].play = \"announcement\": is not a table; write { prompt = \"announcement\" }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"0(.*)\"\nactions = [{ wait_ms = 5 }, { bridge = { user = \"$2\" } }]",
            "rules[0].actions[1]: rule \"x\": \"$2\" refers at \"$2\" to no group",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { env = \"HA1\" }\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_user = \"alise\"\nactions = [\"answer\"]",
            "rules[0].from_user = \"alise\": no user has a name like this, so the rule never applies; did you mean \"alice\"?",
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
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nregister = [{ user = \"100\" }]",
            "w.toml:4: trunks[0].register[0].user = \"100\": nothing answers the registrar's challenge; add credentials",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nprobe_s = 0",
            "w.toml:4: trunks[0].probe_s = 0: is out of range; write 1 to 3600 seconds",
        ),
        ("[http\n", "w.toml:1: "),
        ("[http]\nbind = \"a\"\nbind = \"b\"", "w.toml:3: http.bind: duplicate key; take one of them out"),
        (
            "[[rules]]\nname = \"a\"\n[[rules]]\nname = \"a\"\nname = \"b\"",
            "w.toml:5: rules[1].name: duplicate key; take one of them out",
        ),
        (
            "[[users]]\nname = \"alice\"\npassword = \"x\"",
            "w.toml:3: users[0].password: unknown field `password`",
        ),
        ("[media]\nrtp_ports = 5", "w.toml:2: media.rtp_ports = 5: is not a list; write a list: [ .. ]"),
        ("[media]\ncalls_max = -1", "w.toml:2: media.calls_max = -1: is not a whole number from 0 on; "),
        (
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:20000\"",
            "w.toml:3: sip.listeners[0].bind = \"0.0.0.0:20000\": media.rtp_ports has this port too; take another",
        ),
        (
            "[media]\nshards = 2\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:10001\"",
            "w.toml:5: sip.listeners[0].bind = \"0.0.0.0:10001\": media.webrtc_port has this port too; take another",
        ),
        (
            "[http]\n[[sip.listeners]]\ntransport = \"tcp\"\nbind = \"0.0.0.0:8080\"",
            "w.toml:4: sip.listeners[0].bind = \"0.0.0.0:8080\": http.bind has this port too; take another",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"+49 $1\" } }]",
            "rules[0].actions[0].bridge.number = \"+49 $1\": holds a space, which no number has; take it out",
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
        (
            "[[users]]\nname = \"a\"\nha1_md5 = { env = \"HA1\" }\nupstream = [{ trunk = \"t\", user = \"1\", credentials = { user = \"1\", password = \"p\" } }]",
            "w.toml:4: users[0].upstream[0].trunk = \"t\": no trunk has this name; add it to [[trunks]]",
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
        ("[media]\nshards = 0", "w.toml:2: media.shards = 0: is no number of media threads; write 1 to 256"),
        (
            "[media]\nrtp_ports = [5, 5]",
            "w.toml:2: media.rtp_ports = [5, 5]: holds no pair of ports; write [from, to]",
        ),
        (
            "[media]\nrtp_ports = [9999, 11000]",
            "w.toml:2: media.rtp_ports = [9999, 11000]: the ports of the browsers, 10000 to ",
        ),
        (
            "[media]\nshards = 9\nwebrtc_port = 65530",
            "w.toml:3: media.webrtc_port = 65530: 9 shards need ports up to 65538",
        ),
        (
            "[media]\nwebrtc_port = 70000",
            "w.toml:2: media.webrtc_port = 70000: is not a whole number from 0 to 65535; write a whole number",
        ),
        (
            "[media]\nmedia_timeout_s = 0",
            "w.toml:2: media.media_timeout_s = 0: is out of range; write 1 to 86400 seconds",
        ),
        (
            "[[users]]\nname = \"a b\"\nha1_md5 = { env = \"HA1\" }",
            "w.toml:2: users[0].name = \"a b\": is no user name; use 1 to 64 letters",
        ),
        (
            "[[users]]\nname = \"alice\"",
            "w.toml:2: users[0].name = \"alice\": user \"alice\" has no password; add the lines that `webtrunk password` prints",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = \"secret\"",
            "w.toml:3: users[0].ha1_md5: is no MD5 hash in hexadecimal digits; take the line",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { env = \"NONE\" }",
            "w.toml:3: users[0].ha1_md5: the environment has no variable \"NONE\"; set it",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { file = \"no\" }",
            "w.toml:3: users[0].ha1_md5: no cannot be read: ",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { file = \"a\", env = \"b\" }",
            "w.toml:3: users[0].ha1_md5: a secret is kept in a file or in the environment, in one place; keep file or env",
        ),
        ("[[users]]\nname = \"alice\"\nha1_md5 = { fil = \"a\" }", "users[0].ha1_md5.fil"),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"sip:p.example\"",
            "w.toml:3: trunks[0].host = \"sip:p.example\": is no host",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"",
            "w.toml:2: trunks[0].name = \"p\": no listener can call it over UDP; add one to [[sip.listeners]]",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ntransport = \"wss\"",
            "trunks are not called over WebSocket",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ncodecs = [\"G729\"]",
            "w.toml:4: trunks[0].codecs[0] = \"G729\": is no codec of ours; use one of opus, G722, PCMU, PCMA, L16/16000, L16/48000, L16/8000",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ncodecs = []",
            "w.toml:4: trunks[0].codecs = []: names no codec",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\nport = 0",
            "w.toml:4: trunks[0].port = 0: is not a whole number from 1 to 65535",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"(\"\nactions = [\"answer\"]",
            "w.toml:3: rules[0].destination = \"(\": rule \"x\": destination is not a usable regular expression",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = []",
            "w.toml:4: rules[0].actions = []: rule \"x\": it has no action; end it with",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"ansr\"]",
            "w.toml:4: rules[0].actions[0] = \"ansr\": is none of those that there are; write \"answer\", \"wait_ms\", \"play\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"echo\"]",
            "\"echo\" needs an answered call; put \"answer\" before it; callers hear something only after the answer",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"bob\" } }]",
            "w.toml:4: rules[0].actions[0].bridge.user = \"bob\": no user has this name; add the user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"$0\" } }]",
            "rules[0].actions[0].bridge.trunk = \"p\": no trunk has this name",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\" } }]",
            "it is not clear whom this bridge calls; give it user, users, group or ring, or trunk or trunks with number",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { who = \"p\" } }]",
            "rules[0].actions[0].bridge.who: unknown field `who`",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompt = \"no.wav\" } }]",
            "rules[0].actions[1].play.prompt = \"no.wav\": no.wav: ",
        ),
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
            "[media]\naddresses = [\"::\"]",
            "w.toml:2: media.addresses[0] = \"::\": is the address of no machine; write an IP",
        ),
        (
            "[media]\naddresses = [\"ff02::1\"]",
            "w.toml:2: media.addresses[0] = \"ff02::1\": is the address of no machine; write an IP",
        ),
        (
            "[media]\naddresses = [\"192.0.2.1\", \"192.0.2.1\"]",
            "w.toml:2: media.addresses[1] = \"192.0.2.1\": is named twice; take one out",
        ),
        (
            "[media]\nexternal_addresses = [\"0.0.0.0\"]",
            "w.toml:2: media.external_addresses[0] = \"0.0.0.0\": is the address of no machine; write an IP",
        ),
        (
            "[media]\ntcp = true",
            "w.toml:2: media.tcp = true: there is no HTTP server to take it; add [http], or write false",
        ),
        (
            "[http]\nbind = \"127.0.0.1:10001\"\n[media]\nshards = 2\ntcp = true",
            "w.toml:5: media.tcp = true: the port of [http], 10001, is one of the browsers' for UDP; move webrtc_port",
        ),
        (
            "[media]\nchecks_deny = [\"10.1.0.0/8\"]",
            "w.toml:2: media.checks_deny[0] = \"10.1.0.0/8\": 10.1.0.0/8 has bits set behind its prefix; did you mean 10.0.0.0/8?",
        ),
        (
            "[media]\naddresses = [\"192.0.2.1\"]\ncandidates_allow = [\"10.0.0.0/8\"]",
            "w.toml:2: media.addresses[0] = \"192.0.2.1\": is kept back by candidates_allow or candidates_deny; take it out",
        ),
        (
            "[media]\nrtp_address = \"192.0.2.1\"",
            "w.toml:2: media.rtp_address = \"192.0.2.1\": RTP cannot be received at it: ",
        ),
        ("[media]\ncalls_max = 0", "w.toml:2: media.calls_max = 0: lets no call through; write 1 or more"),
        (
            "[media]\nconference_parties_max = 1",
            "w.toml:2: media.conference_parties_max = 1: is no size of a conference; write 2 to 200",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", role = \"whisper\" } }]",
            "rules[0].actions[1]: it is not clear whom this supervisor whispers to; add target",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", target = \"b\" } }]",
            "rules[0].actions[1].conference.target = \"b\": is for whispering only; take it out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", keys = { barge = \"*3\" } } }]",
            "only a supervisor changes its role; take listen, whisper and barge out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", role = \"listen\", keys = { whisper = \"*2\" } } }]",
            "it is not clear whom this supervisor whispers to; add target",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", keys = { mute = \"*6\", louder = \"*6\" } } }]",
            "\"*6\" is the begin of \"*6\", so the two cannot be told apart; write them as they are pressed",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"\" } }]",
            "rule \"x\": a conference needs a room; name one",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ conference = { room = \"a\" } }]",
            "\"conference\" needs an answered call",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", gain_db = 20 } }]",
            "a gain of 20 dB is out of range; take -40 to 12; 0 leaves",
        ),
        (
            "[media]\nrtp_ports = [24000, 24199, 3]",
            "w.toml:2: media.rtp_ports = [24000, 24199, 3]: is no range of two ports; write [from, to]",
        ),
        (
            "[media]\nrtp_ports = [24000]",
            "w.toml:2: media.rtp_ports = [24000]: is no range of two ports; write [from, to]",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_user = \"nobody\"\nactions = [\"answer\"]",
            "w.toml:4: rules[0].from_user = \"nobody\": no user has a name like this, so the rule never applies; add the user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_trunk = \"pro.*\"\nactions = [\"answer\"]",
            "w.toml:4: rules[0].from_trunk = \"pro.*\": no trunk has a name like this, so the rule never applies; add the trunk",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_groups = [\"sales\"]",
            "rules[0].from_groups[0] = \"sales\": no user is in this group, so the rule never applies; add it to the groups of a user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_networks = [\"10.0.0.1/8\"]",
            "rules[0].from_networks[0] = \"10.0.0.1/8\": 10.0.0.1/8 has bits set behind its prefix",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_listeners = [\"outside\"]",
            "rules[0].from_listeners[0] = \"outside\": no listener has this name; write the name of one of [[sip.listeners]] or [[sip_ws",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nheaders = [{ name = \"X-A\", pattern = \"(\" }]",
            "rules[0].headers[0].pattern = \"(\": is no usable regular expression",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nheaders = [{ name = \"authorization\", pattern = \".*\" }]",
            "rules[0].headers[0].name = \"authorization\": is no header that rules see",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { days = [\"monday\"], zone = \"UTC\" }",
            "rules[0].when.days[0] = \"monday\": is no day of the week; write \"mon\" or \"mon-fri\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { hours = [\"8-17\"], zone = \"UTC\" }",
            "rules[0].when.hours[0] = \"8-17\": is no span of hours; write \"08:00-17:30\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { zone = \"Europe/Atlantis\" }",
            "rules[0].when.zone = \"Europe/Atlantis\": is no time zone; write a name such as \"Europe/Berlin\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { days = [\"mon\"] }",
            "rules[0].when: missing field `zone`; add it",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"$0\", ring_timeout_s = 0 } }]",
            "rules[0].actions[0].bridge.ring_timeout_s = 0: leaves no time to answer; write 1 or more",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"\" } }]",
            "rules[0].actions[0].bridge.number = \"\": calls no number; write it",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { users = [\"a\", \"b\", \"a\"] } }]",
            "rules[0].actions[0].bridge.users[2] = \"a\": is called twice; take one out",
        ),
        (
            "[log]\nfilter = \"nonsense!!\"",
            "w.toml:2: log.filter = \"nonsense!!\": names what no target is called; name targets",
        ),
        ("[log]\nfilter = \"\"", "w.toml:2: log.filter = \"\": names what no target is called; name targets"),
        (
            "[tls]\ncertificate = \"/dev/zero\"\nprivate_key = \"no.key\"",
            "w.toml:2: tls.certificate = \"/dev/zero\": cannot be read: it is larger",
        ),
        (
            "[[users]]\nname = \"a\"\nha1_md5 = { file = \"/dev/zero\" }",
            "w.toml:3: users[0].ha1_md5: /dev/zero ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompt = \"/dev/zero\" } }]",
            "rules[0].actions[1].play.prompt = \"/dev/zero\": /dev/zero: it is larger than 256 MiB; ",
        ),
        (
            "[media]\nmusic_on_hold = \"no.opus\"",
            "w.toml:2: media.music_on_hold = \"no.opus\": no.opus: No such file or directory (os error 2); name a WAV or Ogg-Opus file",
        ),
        (
            "[store]\npath = \"/nonexistent/w.db\"",
            "w.toml:2: store.path = \"/nonexistent/w.db\": cannot be written: No such file or directory (os error 2); name a file",
        ),
        (
            "[store]\npath = \"w.db\"\n[cdr]\nfile = \"/nonexistent/calls.jsonl\"",
            "w.toml:4: cdr.file = \"/nonexistent/calls.jsonl\": cannot be written: No such file or directory (os error 2); name a file",
        ),
        (
            "[store]\npath = \"w.db\"\n[cdr]\nkeep_days = 0",
            "w.toml:4: cdr.keep_days = 0: is out of range; write a number from 1 to 36525",
        ),
        (
            "[cdr]\nkeep_days = 5",
            "cdr: records of calls are kept in the store, and there is none; add [store] with a path",
        ),
        (
            "[recording]\nfolder = \"/nonexistent\"",
            "w.toml:2: recording.folder = \"/nonexistent\": no file can be made in it: No such file or directory (os error 2); make the folder",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0]: there is no folder to record to; add [recording] with a folder",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", begin = \"asked\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0]: nobody can ask for this recording; add keys, or info = true",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", keys = { record = \"*12\", mark = \"*1\" } } }, { reject = \"busy\" }]",
            "\"*1\" is the begin of \"*12\", so the two cannot be told apart; write them as they are pressed",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", keys = { pause = \"1-2\" } } }, { reject = \"busy\" }]",
            "\"1-2\" is no sequence of 1 to 8 keys of 0-9, *, #, A-D; write them as they are pressed",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"mp3\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0].record.format = \"mp3\": is none of those that there are; write \"wav\" or \"ogg\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { repeat = true } }]",
            "rules[0].actions[1]: it is not clear what this plays; give it prompt, or prompts",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompts = [] } }]",
            "rules[0].actions: rule \"x\": \"play\" needs a prompt; name a file",
        ),
        (
            "[log]\nfilter = \"verbose\"",
            "w.toml:2: log.filter = \"verbose\": \"verbose\" is no level; write error, warn, info, debug or trace",
        ),
        ("[log]\nfilter = \"webtrunk=loud\"", "w.toml:2: log.filter = \"webtrunk=loud\": "),
    ];
    let mut wrong = String::new();
    for (text, expected) in cases {
        let told = faults(text);
        if !told.contains(expected) || !told.contains("; ") {
            wrong += &format!("{text}\n  tells: {told}\n  not:   {expected}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_faults_are_told_at_once_and_no_secret_among_them() {
    let text = "[http]\nbind = \"x\"\n[[users]]\nname = \"alice\"\nha1_md5 = \"hunter2\"\n\
                [[users]]\nname = \"alice\"\nha1_sha256 = \"hunter3\"\n[media]\nshards = 0\n";
    let told = faults(text);
    assert_eq!(told.lines().count(), 5, "{told}");
    assert!(!told.contains("hunter"), "{told}");
    let config = parse("w.toml", &text.replace("hunter2", MD5).replace("hunter3", MD5), &environment);
    assert!(!format!("{config:?}").contains(MD5));
}

#[test]
fn faults_of_the_structure_are_told_together_and_nothing_that_follows_from_them() {
    let text = "[http]\nbnd = \"x\"\nbind = 8080\n[tls]\ncertificate = 5\nprivate_key = \"k\"\n\
                [[sip.listeners]]\ntransport = \"sctp\"\nbind = \"0.0.0.0:0\"\n\
                [[trunks]]\nname = \"p\"\nhost = \"p.example\"\nport = \"x\"\n\
                [[users]]\nname = \"alice\"\nha1_md5 = { fil = \"a\" }\n\
                [[users]]\nnam = \"bob\"\n\
                [[rules]]\nname = \"x\"\ndestination = \"1\"\n\
                actions = [{ bridge = { user = \"bob\" } }, { bridge = { who = \"p\" } }]\n\
                [media]\nshards = 0\n";
    let told = faults(text);
    let expected = [
        ":2: http.bnd: ",
        ":3: http.bind = 8080: ",
        ":5: tls.certificate = 5: ",
        ":8: sip.listeners[0].transport = \"sctp\": ",
        ":13: trunks[0].port = \"x\": ",
        ":16: users[0].ha1_md5.fil: ",
        ":18: users[1].nam: ",
        ":22: rules[0].actions[1].bridge.who: ",
        ":24: media.shards = 0: ",
    ];
    for place in expected {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

/// What one section lacks hides nothing of the others.
#[test]
fn a_slip_in_one_section_hides_no_fault_of_another() {
    let text = "[http]\n[medai]\nshards = 1\n[media]\ncall_max = 5\n[[users]]\nname = \"alice\"\nha1_md5 = { env = \"HA1\" }\n\
                [[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"zoe\" } }]\n\
                [[rules]]\nname = \"y\"\ndestination = \"(\"\naction = [\"echo\"]\n\
                [[rules]]\nname = \"z\"\ndestination = \"(\"\nactions = [[\"answer\"], \"bridge\", \"play\", { reject = {} }]\n";
    let told = faults(text);
    let expected = [
        ":2: medai: unknown field `medai`; did you mean `media`?",
        ":5: media.call_max: unknown field `call_max`; did you mean `calls_max`?",
        ":12: rules[0].actions[0].bridge.user = \"zoe\": no user has this name",
        ":16: rules[1].action: unknown field `action`; did you mean `actions`?",
        ":19: rules[2].destination = \"(\": ",
        ":20: rules[2].actions[0] = [\"answer\"]: ",
        ":20: rules[2].actions[1] = \"bridge\": ",
        ":20: rules[2].actions[2] = \"play\": ",
        ":20: rules[2].actions[3].reject: is none of those that there are; write \"busy\"",
    ];
    for place in expected {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
    assert_eq!(told.matches("w.toml:").count(), expected.len(), "{told}");
}

#[test]
fn transports_are_taken_in_any_case() {
    let text = "[[sip.listeners]]\ntransport = \"UDP\"\nbind = \"127.0.0.1:0\"\n";
    let config = parse("w.toml", text, &environment).expect("sound");
    assert_eq!(config.sip.listeners[0].transport, TransportKind::Udp);
}

#[test]
fn a_store_that_is_no_database_is_told() {
    let folder = TempDir::new().expect("a folder for the test");
    let path = file(&folder, "w.toml", "[http]\n[store]\npath = \"key.pem\"\n", 0o600);
    file(&folder, "key.pem", "a letter", 0o600);
    let told = load(&path, &environment).expect_err("it is none").to_string();
    assert!(told.contains("store.path = \"key.pem\": is no SQLite database; name a file"), "{told}");
    file(&folder, "key.pem", "", 0o600);
    assert!(load(&path, &environment).is_ok(), "an empty one is a new one");
}

#[test]
fn a_listener_with_a_bad_address_is_a_listener_all_the_same() {
    let told = faults(
        "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"5060\"\n[[trunks]]\nname = \"p\"\nhost = \"p.example\"\n",
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn only_what_every_user_has_is_offered() {
    let user = |name: &str, keys: &[&str]| {
        let hash =
            |key: &&str| format!("{key} = \"{}\"\n", MD5.repeat(if *key == "ha1_md5" { 1 } else { 2 }));
        format!("[[users]]\nname = \"{name}\"\n{}", keys.iter().map(hash).collect::<String>())
    };
    let (both, md5, sha256) = (["ha1_md5", "ha1_sha256"], ["ha1_md5"], ["ha1_sha256"]);
    for (second, expected) in [
        (both.as_slice(), vec![Algorithm::Sha256, Algorithm::Md5]),
        (md5.as_slice(), vec![Algorithm::Md5]),
        (sha256.as_slice(), vec![Algorithm::Sha256]),
    ] {
        let text = "[http]\n".to_owned() + &user("alice", &both) + &user("bob", second);
        let config = parse("w.toml", &text, &environment).expect("sound");
        assert_eq!(config.users.algorithms(), expected);
    }
    let told = faults(&(user("alice", &md5) + &user("bob", &sha256)));
    assert!(told.contains("nothing can be offered to all; give all users ha1_md5"), "{told}");
}
