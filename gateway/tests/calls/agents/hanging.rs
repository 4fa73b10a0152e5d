//! A file system that hangs while people talk.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::leased::Leased;

/// How long the end may take that two signals ask for, once calls have been hung up: no reading is waited for, of which each
/// has ten seconds.
const END_MAX: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_hangs_holds_up_no_operator_no_later_reload_and_no_stop() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str| {
        let file = folder.path().join(name);
        fs::write(&file, "sesame").expect("the folder is ours");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("the file is ours");
        file
    };
    let secret = write("password");
    let credentials = format!("credentials = {{ user = 'us', password = {{ file = {secret:?} }} }}");
    let config = GatewayConfig::default().drain_timeout(600);
    let mut stage = Stage::with_lines(&["PCMU"], config, &credentials);
    let [caller, callee] =
        [phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await];
    let (call, lifted) = talk(&caller, &callee).await;
    let Some(first) = Leased::hold(&secret) else { return };

    // Operators are served while it hangs, and the gateway learns to live without it.
    stage.gateway.process.signal(Signal::SIGHUP);
    assert_eq!(stage.gateway.admin("GET", "/calls").0, 200);
    let given_up =
        ["is not taken up", "webtrunk.toml, or a file that it names", "the file system does not answer"];
    stage.gateway.log().wait_for(&given_up, PATIENCE);
    // Another file in its place is read while the old one hangs.
    write("sound");
    fs::rename(folder.path().join("sound"), &secret).expect("the folder is ours");
    let reloaded = stage.gateway.operate("reload", &[]);
    assert!(reloaded.status.success(), "{reloaded:?}");
    drop(first);

    // Nor is it waited for when the gateway is to stop: the first signal lets the call go on, the second ends it.
    let _second = Leased::hold(&secret);
    stage.gateway.process.signal(Signal::SIGHUP);
    assert_hears(&call, CALLEE_HZ).await;
    stage.gateway.process.signal(Signal::SIGTERM);
    stage.gateway.log().wait_for(&["no new calls are taken"], Duration::from_secs(3));
    assert_hears(&lifted, CALLER_HZ).await;
    let asked_at = Instant::now();
    stage.gateway.process.signal(Signal::SIGTERM);
    for end in [&call, &lifted] {
        end.ended(PATIENCE).await.expect("hung up");
    }
    assert_eq!(stage.gateway.process.wait(PATIENCE).expect("it ends").code(), Some(0));
    assert!(asked_at.elapsed() < END_MAX, "{:?}", asked_at.elapsed());
    assert_eq!(stage.gateway.log().count(&given_up), 1);
}
