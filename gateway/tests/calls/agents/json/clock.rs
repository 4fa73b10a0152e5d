//! A wall clock that is set ahead and back while pages come by tokens.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::keys::Keys;
use super::page::{open, stage_of};
use crate::agents::hardships::{FAKETIME, fake_clock};
use crate::support::gateway::PATIENCE;
use crate::support::tools;

/// Fails when a token that had ended is good again, or one that is good by the time before is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_makes_no_ended_token_good_again() {
    if tools::path(Path::new(FAKETIME), "install faketime").is_none() {
        return;
    }
    let (folder, keys) = (TempDir::new().expect("a folder"), Keys::new());
    let stage = stage_of(fake_clock(folder.path()).sections(&format!("[json]\n{}", keys.line())));
    let set = |off: &str| fs::write(folder.path().join("clock"), off).expect("the folder is ours");
    let is_let_in = async |token: Value| open(&stage.gateway).await.request("connect", token).await.is_ok();
    let token = keys.token(300, json!({}));
    assert!(is_let_in(token.clone()).await, "it is good");
    set("+3600");
    assert!(!is_let_in(token.clone()).await, "it has ended");
    set("+0");
    assert!(!is_let_in(token).await, "it has ended for good");
    assert!(is_let_in(keys.token_by(3600, 300, json!({}))).await, "it is good by the time before");
    stage.gateway.log().wait_for(&["the clock was set back"], PATIENCE);
}
