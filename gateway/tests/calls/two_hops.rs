//! The entry in two hops: a customer's servlet makes a name and a password, the gateway answers them with those of the edge,
//! and a browser's SIP library, or a page by JSON, logs in by these and calls.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use webtrunk::http_client::{Request, ask};
use webtrunk_loadtest::agent::{JsonPage, Trust};

use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::process::{Process, wait_until};
use crate::support::tools;

/// What the customer's servlet and the gateway share, and what the gateway and its edge do.
const SECRET: &str = "north wind and sun of acme";
const EDGE_SECRET: &str = "north wind and sun of the edge";

/// Where the customer's pages are.
const ORIGIN: &str = "https://acme.example";

/// The customer's servlet, which is the example's.
struct Servlet {
    process: Process,
    authority: String,
}

impl Servlet {
    fn start() -> Option<Self> {
        Some(Self::run(tools::command_by("WEBTRUNK_TEST_PYTHON", "python3")?, "servlet.py"))
    }

    fn in_node() -> Option<Self> {
        Some(Self::run(tools::command("node")?, "servlet.mjs"))
    }

    fn run(runtime: PathBuf, file: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/entry").join(file);
        let mut process = Process::start(
            Command::new(runtime)
                .arg(script)
                .args(["0", "a1"])
                .env("ENTRY_SECRET", SECRET)
                .env("PEOPLE", r#"{"alice": "her password"}"#)
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut line = String::new();
        let told = process.child().stdout.take().expect("it is piped");
        BufReader::new(told).read_line(&mut line).expect("it tells its port");
        Self { process, authority: format!("127.0.0.1:{}", line.trim()) }
    }

    /// What it answers somebody with.
    fn ask(&self, user: &str, password: &str) -> (u16, String) {
        http("GET", &self.authority, "/", &[("Authorization", &basic(user, password))])
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn http(method: &str, authority: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let request = Request { method, authority, path, headers, body: &[], patience: PATIENCE };
    let answer = ask(&request).expect("it answers");
    (answer.status, String::from_utf8(answer.body).expect("text"))
}

/// The gateway whose customer acme may call 1, and whose users have no account there.
fn gateway(config: GatewayConfig, phone: &Host, more: &str) -> Gateway {
    gateway_for(&[ORIGIN], config, phone, more)
}

/// The same, whose customer has pages at these origins.
fn gateway_for(origins: &[&str], config: GatewayConfig, phone: &Host, more: &str) -> Gateway {
    let config = config
        .user("bob")
        .sections(&format!(
            "[json]\npasswords = true\n[entry]\nephemeral_keys = [{{ id = \"edge\", secret = \"{EDGE_SECRET}\" }}]\n\
             ice_servers = [{{ urls = [\"turn:turn.example:3478\"], secret = \"shared with coturn\" }}]\n\
             [[customers]]\nname = \"acme\"\norigins = {origins:?}\n\
             ephemeral_keys = [{{ id = \"a1\", secret = \"{SECRET}\" }}]\n{more}"
        ))
        .trunk("phone", phone, &["PCMU"])
        .rule("destination = \"1\"\nfrom_user = 'acme\\+.*'\nactions = [{ bridge = { trunk = \"phone\", number = \"1\" } }]");
    Gateway::start(&config)
}

/// What the gateway answers whoever has this of the customer's servlet.
fn second_hop(gateway: &Gateway, name: &str, password: &str) -> (u16, Value) {
    let authority = gateway.http_authority();
    let headers = [("Authorization", &*basic(name, password)), ("Origin", ORIGIN)];
    let (status, body) = http("POST", &authority, "/api/v1/credentials", &headers);
    (status, serde_json::from_str(&body).unwrap_or_default())
}

fn text(of: &Value, key: &str) -> String {
    of[key].as_str().expect("a text").to_owned()
}

#[test]
fn jssip_logs_in_by_what_two_hops_gave_it_and_calls() {
    logs_in_and_calls(Library::Jssip);
}

#[test]
fn sipjs_logs_in_by_what_two_hops_gave_it_and_calls() {
    logs_in_and_calls(Library::Sipjs);
}

/// By the JSON API, at which its origin is the customer's alone.
#[test]
fn a_page_with_the_sdk_logs_in_by_what_two_hops_gave_it_and_calls() {
    logs_in_and_calls(Library::Webtrunk);
}

fn logs_in_and_calls(library: Library) {
    let (Some(browser), Some(_)) = (Browser::shared(), tools::command("sipp")) else { return };
    let Some(servlet) = Servlet::start() else { return };
    let phone = Host::new();
    let config = GatewayConfig::default().origin(browser.origin());
    let gateway = gateway_for(&[ORIGIN, browser.origin()], config, &phone, "");
    assert_eq!(servlet.ask("alice", "another").0, 401);
    let (status, first) = servlet.ask("alice", "her password");
    assert_eq!(status, 200, "{first}");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let (status, edge) = second_hop(&gateway, &text(&first, "username"), &text(&first, "password"));
    assert_eq!((status, &edge["user"]), (200, &json!("acme+alice")), "{edge}");
    assert_eq!(edge["iceServers"][0]["urls"], json!(["turn:turn.example:3478"]));

    let echoing = Sipp::echoing_callee(&phone, "callee_talks", &[("FORMATS", "0")]);
    let alice = browser.open();
    let line = LineConfig {
        library,
        microphone: Microphone::Tone { hz: 1020.0, peak: 0.25 },
        login: Some(text(&edge, "username")),
        ..LineConfig::default()
    };
    alice.begin_registration(&gateway, "acme+alice", &text(&edge, "password"), &line);
    alice.next("registered");
    alice.call_through("1");
    alice.await_tone(1020.0);
    alice.hangup();
    alice.next("ended");
    echoing.finish();
    gateway.assert_all_is_over(1);
    assert!(wait_until(PATIENCE, || gateway
        .metrics()
        .contains("webtrunk_edge_credentials_total{outcome=\"issued\"} 1")));
    for secret in [text(&edge, "password"), text(&first, "password"), SECRET.to_owned()] {
        assert_eq!(gateway.log().count(&[&secret]), 0);
    }
    drop(servlet.process);
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_logs_in_by_what_two_hops_gave_it_until_its_customer_or_its_user_is_revoked() {
    let Some(servlet) = Servlet::start() else { return };
    let phone = Host::new();
    let gateway = gateway(GatewayConfig::default(), &phone, "lifetime_s = 3600");
    let (_, first) = servlet.ask("alice", "her password");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let (name, password) = (text(&first, "username"), text(&first, "password"));
    let (_, edge) = second_hop(&gateway, &name, &password);
    let url = gateway.websocket().replace("/sip", "/api/v1");
    let connect = async |name: String, password: String| {
        let page = JsonPage::open(&url, &Trust::default(), Some(ORIGIN)).await;
        let proof = json!({ "proof": { "kind": "ephemeral", "name": name, "password": password } });
        page.expect("it listens").request("connect", proof).await
    };
    let session = connect(text(&edge, "username"), text(&edge, "password")).await.expect("the edge takes it");
    assert_eq!(session["user"], "acme+alice");
    assert_eq!(session["iceServers"][0]["urls"], json!(["turn:turn.example:3478"]));
    connect(name.clone(), password.clone()).await.expect_err("the first hop is none of the edge's");
    assert_eq!(
        second_hop(&gateway, &text(&edge, "username"), &text(&edge, "password")).0,
        401,
        "nor the other way"
    );
    assert_eq!(second_hop(&gateway, &name, "guess").0, 401);

    let edge_key = format!("secret = \"{EDGE_SECRET}\"");
    gateway.reload(|text| text.replace(&edge_key, &format!("{edge_key}, revoked = [\"acme+alice\"]")));
    connect(text(&edge, "username"), text(&edge, "password")).await.expect_err("she is revoked");
    gateway.reload(|text| text.replace(SECRET, "another secret of the customer's"));
    assert_eq!(second_hop(&gateway, &name, &password).0, 401, "by a secret that is no more");
    gateway.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servlet_in_node_is_as_good_as_one_in_python() {
    let Some(servlet) = Servlet::in_node() else { return };
    let gateway = gateway(GatewayConfig::default(), &Host::new(), "");
    assert_eq!(servlet.ask("alice", "another").0, 401);
    assert_eq!(servlet.ask("mallory", "").0, 401);
    let (status, first) = servlet.ask("alice", "her password");
    assert_eq!(status, 200, "{first}");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let (status, edge) = second_hop(&gateway, &text(&first, "username"), &text(&first, "password"));
    assert_eq!((status, &edge["user"]), (200, &json!("acme+alice")), "{edge}");
    gateway.stop();
}

#[test]
fn what_a_customers_server_made_is_good_from_its_networks_alone_and_who_proves_nothing_is_told_nothing() {
    let Some(servlet) = Servlet::start() else { return };
    let elsewhere = "networks = [\"10.0.0.0/8\"]";
    let gateway = gateway(GatewayConfig::default(), &Host::new(), elsewhere);
    let (_, first) = servlet.ask("alice", "her password");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let (name, password) = (text(&first, "username"), text(&first, "password"));
    assert_eq!(second_hop(&gateway, &name, &password), (403, Value::Null));
    assert_eq!(second_hop(&gateway, &name, "guess").0, 401);
    gateway.log().wait_for(&["no credential of the edge is issued", "customers[].networks"], PATIENCE);
    gateway.reload(|text| text.replace(elsewhere, "networks = [\"127.0.0.1\"]"));
    assert_eq!(second_hop(&gateway, &name, &password).0, 200);
    gateway.stop();
}

/// Fails when a browser lets no page read the answer, or any.
#[test]
fn a_page_of_the_customers_fetches_what_the_edge_takes_and_pages_of_others_cannot_read_it() {
    let Some(browser) = Browser::shared() else { return };
    let Some(servlet) = Servlet::start() else { return };
    let own = gateway_for(&[ORIGIN, browser.origin()], GatewayConfig::default(), &Host::new(), "");
    let others = gateway(GatewayConfig::default(), &Host::new(), "");
    let (_, first) = servlet.ask("alice", "her password");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let page = browser.open();
    let fetch = |gateway: &Gateway| {
        let url = format!("http://{}/api/v1/credentials", gateway.http_authority());
        page.fetch_credentials(&url, &text(&first, "username"), &text(&first, "password"))
    };
    let edge = fetch(&own).expect("it is the customer's");
    assert_eq!(edge["user"], "acme+alice", "{edge}");
    let refused = fetch(&others);
    assert!(refused.is_err(), "{refused:?}");
    drop(page);
    own.stop();
    others.stop();
}
