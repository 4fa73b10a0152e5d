//! Twenty files, each faulty in its own way, while people talk: each is refused as a whole, by the line of its fault.

use serde_json::Value;
use webtrunk_codecs::CodecId;

use super::ear::assert_hears_no_gap;
use super::json::page::assert_phone_hears;
use super::reloaded::line_of;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What is changed in a sound file, and what is told behind the line; nothing where the reader of TOML chooses line and words.
const FAULTS: [(&str, &str, &str); 20] = [
    ("[admin]\n", "[admin\n", ""),
    ("destination = '9\\d+'", "destination = '9\\d+", ""),
    ("[media]\n", "[medai]\n", "medai: unknown field"),
    ("timeout_s = 0", "timeout_s = -1", "drain.timeout_s = -1: "),
    ("timeout_s = 0", "timeout_s = 86401", "drain.timeout_s = 86401: is out of range"),
    ("timeout_s = 0", "timeout_s = \"soon\"", "drain.timeout_s = \"soon\": "),
    ("format = \"json\"", "format = \"poetry\"", "log.format = \"poetry\": "),
    ("transport = \"udp\"", "transport = \"pigeon\"", "sip.listeners[0].transport = \"pigeon\": "),
    ("refuse_when_late = false", "refuse_when_late = 0", "defence.refuse_when_late = 0: "),
    ("refuse_when_late = false", "refuse_when_laet = false", "defence.refuse_when_laet: unknown field"),
    ("webrtc_port = 10000", "webrtc_port = 70000", "media.webrtc_port = 70000: "),
    ("rtp_ports = [20000, 20099]", "rtp_ports = [20000]", "media.rtp_ports = [20000]: is no range"),
    ("rtp_address = \"", "rtp_address = \"x", "media.rtp_address = \"x"),
    ("name = \"alice\"", "name = \"a b\"", "users[0].name = \"a b\": is no user name"),
    ("ha1_md5 = \"", "ha1_md5 = \"x", "users[0].ha1_md5: is no MD5 hash"),
    ("codecs = [\"PCMU\"]", "codecs = [\"PCMX\"]", "trunks[0].codecs[0] = \"PCMX\": is no codec"),
    ("codecs = [\"PCMU\"]", "codecs = []", "trunks[0].codecs = []: names no codec"),
    ("port = 5060", "port = 0", "trunks[0].port = 0: "),
    ("'9\\d+'", "'9(\\d+'", "rules[0].destination"),
    ("{ trunk = 'carrier'", "{ trunk = 'nobody'", "no trunk has this name"),
];

/// Fails when anything of a faulty file is taken up, or its fault is not told by its line.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_faulty_files_are_refused_by_their_lines_and_a_call_does_not_notice() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default());
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let mut sound = String::new();
    gateway.rewrite(|text| {
        sound.clone_from(&text);
        text
    });
    for (right, wrong, what) in FAULTS {
        let faulty = sound.replacen(right, wrong, 1);
        assert_ne!(faulty, sound, "{right} is not there");
        let place = if what.is_empty() { "webtrunk.toml:".to_owned() } else { line_of(&faulty, wrong) };
        gateway.rewrite(|_| faulty);
        let (status, told) = gateway.admin("POST", "/reload");
        assert_eq!((status, &told["error"]), (422, &"faulty".into()), "{wrong}: {told}");
        let mut faults = told["faults"].as_array().expect("a list").iter().filter_map(Value::as_str);
        assert!(
            faults.any(|fault| fault.contains(&place) && fault.contains(what)),
            "{place}{what}: {told:#}"
        );
    }
    gateway.rewrite(|_| sound);
    let (status, told) = gateway.admin("POST", "/reload");
    assert_eq!((status, told["changes"].as_array().map(Vec::len)), (200, Some(0)), "{told}");
    assert_eq!(gateway.log().count(&["configuration changed"]), 0);
    let (next, _lifted) = talk_from_webrtc(&alice, &callee).await;
    next.hang_up().await.expect("confirmed");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_hears_no_gap(end).await;
    }
    call.hang_up().await.expect("confirmed");
    let status = || gateway.status();
    assert!(
        wait_until(PATIENCE, || status()["calls"] == 0 && status()["rtp_ports_in_use"] == 0),
        "{}",
        status()
    );
}
