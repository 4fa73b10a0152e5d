//! Recordings that back ends list, fetch and remove.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::back_end::BackEnd;
use crate::agents::recorded::{read_wav, recording, talk};
use crate::agents::stage::{Stage, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_fetches_a_recording_whole_or_in_part_and_removes_it_and_no_other_file() {
    let folder = TempDir::new().expect("a folder");
    let recordings = folder.path().join("recordings");
    fs::create_dir(&recordings).expect("our folder");
    let (own, acme, reader) = (BackEnd::new("own"), BackEnd::new("acme-crm"), BackEnd::new("reader"));
    let scopes = "\"recordings:read\", \"recordings:delete\"";
    let entries = own.entry(scopes, "")
        + &acme.entry(scopes, "customer = 'acme'")
        + &reader.entry("\"recordings:read\"", "")
        + "[[customers]]\nname = 'acme'\n";
    let config = GatewayConfig::default().sections(&format!("[rest]\n{entries}"));
    let stage: Stage = crate::agents::recorded::stage_with(config, &recordings);
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&alice, &callee, "wav").await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    // While it is written nobody has it.
    assert!(wait_until(PATIENCE, || fs::read_dir(&recordings).expect("our folder").next().is_some()));
    let path = recording(&recordings, "wav");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let one = format!("/recordings/{name}");
    assert_eq!(own.fetch(gateway, &one, &[]).0, 404);
    assert_eq!(own.ask(gateway, "GET", "/recordings", None), (200, json!({"items": []})));
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let is_told = || own.ask(gateway, "GET", "/recordings", None).1["items"][0]["name"] == name.as_str();
    assert!(wait_until(PATIENCE, is_told));
    let octets = fs::read(&path).expect("it is there");
    let (_, told) = own.ask(gateway, "GET", "/recordings", None);
    assert_eq!(told["items"][0]["octets"], octets.len(), "{told}");
    assert!(read_wav(&path).0[0].len() > 8000, "it is a recording");
    assert_eq!(own.fetch(gateway, &one, &[]), (200, octets.clone()));
    let part = own.fetch(gateway, &one, &[("Range", "bytes=100-299")]);
    assert_eq!(part, (206, octets[100..300].to_vec()));
    let end = own.fetch(gateway, &one, &[("Range", "bytes=-50")]);
    assert_eq!(end, (206, octets[octets.len() - 50..].to_vec()));
    assert_eq!(own.fetch(gateway, &one, &[("Range", "bytes=999999999-")]).0, 416);

    // Another customer's key, and one that may not.
    assert_eq!(acme.ask(gateway, "GET", "/recordings", None), (200, json!({"items": []})));
    assert_eq!(acme.fetch(gateway, &one, &[]).0, 404);
    assert_eq!(acme.ask(gateway, "DELETE", &one, None).0, 404);
    assert_eq!(reader.ask(gateway, "DELETE", &one, None).0, 403);
    // Nothing beside the folder, by whatever name, nor by a link in it.
    let beside = folder.path().join("beside.wav");
    fs::write(&beside, "secret").expect("our folder");
    std::os::unix::fs::symlink(&beside, recordings.join("link.wav")).expect("our folder");
    for outside in ["..%2Fbeside.wav", "../beside.wav", "%2e%2e%2fbeside.wav", "link.wav", ".", "..", ""] {
        for method in ["GET", "DELETE"] {
            let (status, told) = own.ask(gateway, method, &format!("/recordings/{outside}"), None);
            assert_eq!(status, 404, "{method} {outside}: {told}");
        }
    }
    assert!(path.exists() && beside.exists());

    assert_eq!(own.ask(gateway, "DELETE", &one, None).0, 204);
    assert!(!path.exists());
    assert_eq!(own.fetch(gateway, &one, &[]).0, 404);
    assert_eq!(own.ask(gateway, "DELETE", &one, None).0, 404);
    assert_eq!(own.ask(gateway, "GET", "/recordings", None), (200, json!({"items": []})));
}
