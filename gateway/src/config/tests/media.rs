//! What is told of media, and of what is kept.

use super::assert_told;

#[test]
fn every_fault_of_media_and_of_what_is_kept_names_line_key_value_and_cure() {
    assert_told(&[
        ("[medai]\nshards = 1", "w.toml:1: medai: unknown field `medai`; did you mean `media`?"),
        ("[media]\nrtp_ports = 5", "w.toml:2: media.rtp_ports = 5: is not a list; write a list: [ .. ]"),
        ("[media]\ncalls_max = -1", "w.toml:2: media.calls_max = -1: is not a whole number from 0 on; "),
        (
            "[media]\nshards = 2\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"0.0.0.0:10001\"",
            "w.toml:5: sip.listeners[0].bind = \"0.0.0.0:10001\": media.webrtc_port has this port too; take another",
        ),
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
            "[media]\nrtp_ports = [24000, 24199, 3]",
            "w.toml:2: media.rtp_ports = [24000, 24199, 3]: is no range of two ports; write [from, to]",
        ),
        (
            "[media]\nrtp_ports = [24000]",
            "w.toml:2: media.rtp_ports = [24000]: is no range of two ports; write [from, to]",
        ),
        (
            "[log]\nfilter = \"nonsense!!\"",
            "w.toml:2: log.filter = \"nonsense!!\": names what no target is called; name targets",
        ),
        ("[log]\nfilter = \"\"", "w.toml:2: log.filter = \"\": names what no target is called; name targets"),
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
            "[log]\nfilter = \"verbose\"",
            "w.toml:2: log.filter = \"verbose\": \"verbose\" is no level; write error, warn, info, debug or trace",
        ),
        ("[log]\nfilter = \"webtrunk=loud\"", "w.toml:2: log.filter = \"webtrunk=loud\": "),
    ]);
}
