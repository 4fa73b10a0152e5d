//! The server of the SDK's examples, as a customer has one: it serves their pages and makes the CRM's tokens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::gateway::{Gateway, PATIENCE};
use crate::support::log::Log;
use crate::support::process::Process;
use crate::support::tools;

/// The key of the customer's tokens.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A server that runs.
pub(super) struct Server {
    origin: String,
    keys: TempDir,
    _process: Process,
}

impl Server {
    /// Starts it for alice, whose tokens name this account of hers. `None` where a tool is missing.
    pub(super) fn start(account: Option<&Value>) -> Option<Self> {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        tools::path(&sdk.join("dist/index.js"), "run make sdk")?;
        let node = tools::command_by("WEBTRUNK_TEST_NODE", "node")?;
        let mut process = Process::start(
            Command::new(node)
                .args(["examples/server.mjs", "crm", "phone.example", "alice"])
                .envs([("TOKEN_KEY", KEY), ("PORT", "0")])
                .envs(account.map(|account| ("ACCOUNT", account.to_string())))
                .current_dir(sdk)
                .stdout(Stdio::piped()),
        );
        let told = Log::of(process.child().stdout.take().expect("it is piped"));
        let told = told.wait_for(&["http://"], PATIENCE);
        let origin = told.split("/examples").next().expect("an address").to_owned();
        let keys = TempDir::new().expect("a folder");
        let hosts: Vec<_> = account.iter().map(|account| &account["domain"]).collect();
        let hosts = serde_json::to_string(&hosts).expect("texts");
        let text = format!(
            "[[token_keys]]\nid = \"crm\"\nkind = \"wt1\"\nsecret = \"{KEY}\"\naudience = \"phone.example\"\nhosts = {hosts}\n"
        );
        let file = keys.path().join("keys.toml");
        fs::write(&file, text).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
        Some(Self { origin, keys, _process: process })
    }

    /// What the gateway's section `[json]` has of it, where pages come from these origins too.
    pub(super) fn lines(&self, others: &[&str]) -> String {
        let file: PathBuf = self.keys.path().join("keys.toml");
        let mut origins = vec![&*self.origin];
        origins.extend(others);
        format!("origins = {origins:?}\ntoken_keys = {file:?}\n")
    }

    /// The address of one of its pages, for this gateway.
    pub(super) fn page(&self, page: &str, gateway: &Gateway) -> String {
        format!("{}/examples/{page}.html?gateway={}", self.origin, gateway.json_api())
    }
}
