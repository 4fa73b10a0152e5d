//! The gateway as the servlet of a customer: a back end has logins of the edge made for its customer's people, itself or by the servlets
//! of the examples, and a page logs in by them.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use webtrunk::http_client::{Request, ask};
use webtrunk_loadtest::agent::{JsonPage, PageError, Trust};

use super::back_end::BackEnd;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::process::{Process, wait_until};
use crate::support::tools;

/// What the edge's names are made by, which nobody is told.
const EDGE_SECRET: &str = "north wind and sun of the edge";

/// From where alone bolt's people come, which is not from here.
const AWAY: &str = "networks = [\"198.51.100.0/24\"]\n";

/// What a person logs in to the customer's servlet by.
const PASSWORD: &str = "her password";

/// The operator's back end, and those of two customers.
struct Scene {
    gateway: Gateway,
    own: BackEnd,
    acme: BackEnd,
    bolt: BackEnd,
}

impl Scene {
    fn set() -> Self {
        let [own, acme, bolt] = ["own", "acme-web", "bolt-web"].map(BackEnd::new);
        let entries = own.entry("\"logins:write\"", "")
            + &acme.entry("\"logins:write\"", "customer = 'acme'")
            + &bolt.entry("\"users:read\"", "customer = 'bolt'");
        let config = GatewayConfig::default().user("bob").sections(&format!(
            "[json]\npasswords = true\n[rest]\n[entry]\nephemeral_keys = [{{ id = \"edge\", secret = \"{EDGE_SECRET}\" }}]\n\
             ice_servers = [{{ urls = [\"turn:turn.example:3478\"], secret = \"shared with coturn\" }}]\n[entry.logins]\n\
             [[customers]]\nname = \"acme\"\nlifetime_s = 100\nlogins = {{ users = [\"agent-*\", \"alice\"], per_minute = 4 }}\n\
             [[customers]]\nname = \"bolt\"\n{AWAY}{entries}"
        ));
        Self { gateway: Gateway::start(&config), own, acme, bolt }
    }

    fn ask(&self, who: &BackEnd, body: &Value) -> (u16, Value) {
        who.ask(&self.gateway, "POST", "/logins", Some(body))
    }

    fn assert_refused(&self, who: &BackEnd, body: &Value, status: u16, word: &str) {
        let (told_status, told) = self.ask(who, body);
        let kind = format!("urn:webtrunk:problem:{word}");
        assert_eq!((told_status, &told["type"]), (status, &kind.into()), "{body}: {told}");
    }

    /// What a page hears that logs in by a login.
    async fn connect(&self, login: &Value) -> Result<Value, PageError> {
        let url = login["json_websocket"].as_str().expect("it is told where");
        let mut page = JsonPage::open(url, &Trust::default(), None).await.expect("it listens there");
        let proof = json!({"kind": "ephemeral", "name": login["username"], "password": login["password"]});
        page.request("connect", json!({ "proof": proof })).await
    }

    fn made(&self, outcome: &str) -> u64 {
        let begin = format!("webtrunk_logins_total{{outcome=\"{outcome}\"}} ");
        let metrics = self.gateway.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(begin.as_str())).expect("it is counted");
        line.parse().expect("a number")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs()
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_has_logins_made_within_its_customers_policy_and_a_page_logs_in_by_one() {
    let scene = Scene::set();
    let Scene { gateway, own, acme, bolt } = &scene;
    let of = |user: &str| json!({ "user": user, "time": now() });
    let (status, login) = scene.ask(acme, &of("agent-7"));
    assert_eq!(
        (status, &login["user"], &login["realm"]),
        (201, &json!("acme+agent-7"), &json!("webtrunk")),
        "{login}"
    );
    assert_eq!(login["sip_websocket"], gateway.websocket());
    let turn = &login["ice_servers"][0];
    assert_eq!(turn["urls"], json!(["turn:turn.example:3478"]));
    assert!(turn["username"].as_str().is_some_and(|name| name.ends_with(":acme+agent-7")), "{turn}");
    let session = scene.connect(&login).await.expect("the edge takes it");
    assert_eq!(session["user"], "acme+agent-7");

    // For so long as the customer's are good, and no longer.
    for (wanted, seconds) in [(Some(30), 30), (Some(3600), 100)] {
        let mut asked = of("acme+alice");
        asked["lifetime_s"] = json!(wanted);
        let (_, login) = scene.ask(own, &asked);
        let name = login["username"]
            .as_str()
            .unwrap_or_else(|| panic!("the operator's names the customer: {login}"));
        let expires: u64 = name.split(':').next().and_then(|text| text.parse().ok()).expect("an expiry");
        assert!((seconds - 5..=seconds + 1).contains(&(expires - now())), "{name}");
    }

    // Whom the policy does not name, or another customer's, or at another time.
    for user in ["boss", "bolt+agent-7", "agent-7+x", "", "agent 7"] {
        scene.assert_refused(acme, &of(user), 422, "no-login");
    }
    scene.assert_refused(own, &of("alice"), 422, "no-login");
    scene.assert_refused(own, &of("gone+alice"), 422, "no-login");
    scene.assert_refused(acme, &json!({ "user": "alice", "time": now() - 60 }), 422, "clock");
    scene.assert_refused(acme, &json!({ "user": "alice", "time": now() + 60 }), 422, "clock");
    scene.assert_refused(acme, &json!({ "user": "alice" }), 400, "bad-request");
    scene.assert_refused(bolt, &of("alice"), 403, "scope");

    // The key may be the customer's password; then no more in this minute.
    let by_basic = |name: &str| {
        let (authority, body) = (gateway.http_authority(), of("alice").to_string());
        let authorization = basic(name, &acme.key);
        let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
        let request = Request {
            method: "POST",
            authority: &authority,
            path: "/api/v1/logins",
            headers: &headers,
            body: body.as_bytes(),
            patience: PATIENCE,
        };
        ask(&request).expect("it answers").status
    };
    assert_eq!([by_basic("acme"), by_basic("bolt")], [201, 401]);
    scene.assert_refused(acme, &of("alice"), 429, "too-many-requests");
    assert_eq!([scene.made("made"), scene.made("clock"), scene.made("too_many")], [4, 2, 1]);

    let log = gateway.log();
    for secret in [login["password"].as_str().expect("a text"), EDGE_SECRET, &acme.key] {
        assert_eq!(log.count(&[secret]), 0, "no secret is told");
    }
    assert!(log.count(&["a login of the edge is made for a back end", "acme+agent-7"]) > 0);
    gateway.reload(|text| text.replace("[entry.logins]\n", ""));
    assert!(wait_until(PATIENCE, || scene.ask(acme, &of("alice")).0 == 409), "they are switched off");
}

/// Who has one made is not asked where it is: that is the customer's server, and no page of its people.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_a_back_end_has_made_is_good_from_its_customers_networks_alone() {
    let scene = Scene::set();
    let (status, login) = scene.ask(&scene.own, &json!({ "user": "bolt+alice", "time": now() }));
    assert_eq!(status, 201, "{login}");
    let refused = scene.connect(&login).await;
    assert!(matches!(&refused, Err(PageError::Refused { code: 1003, .. })), "{refused:?}");
    scene.gateway.reload(|text| text.replace(AWAY, ""));
    let session = scene.connect(&login).await.expect("she is where she may be");
    assert_eq!(session["user"], "bolt+alice");
}

/// A customer's servlet that asks the gateway.
struct Servlet {
    _process: Process,
    authority: String,
}

impl Servlet {
    fn start(runtime: &Path, file: &str, gateway: impl Display, key: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/entry").join(file);
        let base = format!("http://{gateway}/api/v1");
        let mut process = Process::start(
            Command::new(runtime)
                .arg(script)
                .args(["0", &base, "acme"])
                .env("API_KEY", key)
                .env("PEOPLE", json!({ "alice": PASSWORD, "boss": PASSWORD }).to_string())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut line = String::new();
        let told = process.child().stdout.take().expect("it is piped");
        BufReader::new(told).read_line(&mut line).expect("it tells its port");
        Self { _process: process, authority: format!("127.0.0.1:{}", line.trim()) }
    }

    fn ask(&self, user: &str, password: &str) -> (u16, Value) {
        let (authorization, authority) = (basic(user, password), &self.authority);
        let headers = [("Authorization", &*authorization)];
        let request =
            Request { method: "GET", authority, path: "/", headers: &headers, body: &[], patience: PATIENCE };
        let answer = ask(&request).expect("it answers");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

/// Answers once as a proxy does that does not find the gateway; where it is.
fn lost_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let authority = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let _ = BufReader::new(&stream).read_line(&mut String::new());
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>");
    });
    authority
}

async fn hands_on(runtime: &Path, file: &str) {
    let scene = Scene::set();
    let lost = Servlet::start(runtime, file, lost_proxy(), &scene.acme.key);
    assert_eq!(lost.ask("alice", PASSWORD).0, 502, "what is answered is of no gateway");
    let servlet = Servlet::start(runtime, file, scene.gateway.http_authority(), &scene.acme.key);
    assert_eq!(servlet.ask("alice", "another").0, 401);
    assert_eq!(servlet.ask("mallory", PASSWORD).0, 401);
    assert_eq!(servlet.ask("boss", PASSWORD).0, 502, "her customer has no login made for her");
    let (status, login) = servlet.ask("alice", PASSWORD);
    assert_eq!((status, &login["user"]), (200, &json!("acme+alice")), "{login}");
    let session = scene.connect(&login).await.expect("the edge takes it");
    assert_eq!(session["user"], "acme+alice");
    assert_eq!(scene.gateway.log().count(&[login["password"].as_str().expect("a text")]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servlet_in_python_hands_on_the_logins_that_the_gateway_makes() {
    let Some(python) = tools::command_by("WEBTRUNK_TEST_PYTHON", "python3") else { return };
    hands_on(&python, "login.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servlet_in_node_hands_on_the_logins_that_the_gateway_makes() {
    let Some(node) = tools::command("node") else { return };
    hands_on(&node, "login.mjs").await;
}
