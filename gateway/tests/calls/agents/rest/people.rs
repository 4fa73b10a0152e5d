//! Users and customers that back ends keep, and tokens that they have made: in force at once, and a customer's own alone.

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    AgentError, Credentials, JsonPage, PageError, Trust, Voice, WebrtcCaller, WebrtcConfig,
};

use super::back_end::BackEnd;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What the store's rows are sealed by.
const KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

const ALL: &str =
    "\"users:read\", \"users:write\", \"customers:read\", \"customers:write\", \"tokens:write\", \"events\"";

/// An operator's key, and those of two customers, whom the store has.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) own: BackEnd,
    pub(super) acme: BackEnd,
    pub(super) beta: BackEnd,
    _folder: TempDir,
}

impl Scene {
    pub(super) fn set() -> Self {
        let folder = TempDir::new().expect("a folder");
        let [own, acme, beta] = ["own", "acme-crm", "beta-crm"].map(BackEnd::new);
        let entries = own.entry(ALL, "")
            + &acme.entry(ALL, "customer = 'acme'")
            + &beta.entry(ALL, "customer = 'beta'");
        let config = GatewayConfig::default()
            .store(&folder.path().join("w.db"))
            .store_key("WEBTRUNK_TEST_STORE_KEY", KEY)
            .sections(&format!("[json]\npasswords = true\n[rest]\n{entries}"));
        let scene = Self { stage: Stage::with(&["PCMU"], config), own, acme, beta, _folder: folder };
        let policy =
            json!({"name": "acme", "calls_max": 1, "numbers": ["4711"], "limits": {"numbers_allow": ["91"]}});
        for customer in [policy, json!({"name": "beta"})] {
            let (status, told) = scene.ask(&scene.own, "POST", "/customers", &customer);
            assert_eq!((status, &told), (201, &json!({"name": customer["name"]})));
        }
        scene
    }

    pub(super) fn ask(&self, who: &BackEnd, method: &str, path: &str, body: &Value) -> (u16, Value) {
        who.ask(&self.stage.gateway, method, path, Some(body).filter(|body| !body.is_null()))
    }

    pub(super) fn get(&self, who: &BackEnd, path: &str) -> (u16, Value) {
        self.ask(who, "GET", path, &Value::Null)
    }

    /// Fails unless it is refused so.
    fn assert_refused(
        &self,
        (who, method, path): (&BackEnd, &str, &str),
        body: &Value,
        status: u16,
        word: &str,
    ) {
        let (told_status, told) = self.ask(who, method, path, body);
        let kind = format!("urn:webtrunk:problem:{word}");
        assert_eq!((told_status, &told["type"]), (status, &kind.into()), "{method} {path} {body}: {told}");
    }

    /// A user with its phone, registered.
    pub(super) async fn user(&self, name: &str, password: &str) -> Result<WebrtcCaller, AgentError> {
        let config = WebrtcConfig {
            credentials: Credentials::new(name, password),
            voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
            ..self.stage.alice()
        };
        let caller = webrtc(config).await;
        caller.register().await.map(|()| caller)
    }

    async fn connect(&self, token: &str) -> Result<Value, PageError> {
        let url = self.stage.gateway.websocket().replace("/sip", "/api/v1");
        let mut page = JsonPage::open(&url, &Trust::default(), None).await.expect("the gateway listens");
        page.request("connect", json!({"proof": {"kind": "token", "token": token}})).await
    }
}

async fn refusal(caller: &WebrtcCaller, number: &str) -> Option<u16> {
    let answered = caller.dial(number).await.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_back_end_keeps_its_users_who_phone_at_once_and_within_what_the_customer_may() {
    let scene = Scene::set();
    let Scene { stage, own, acme, beta, .. } = &scene;
    let gateway = &stage.gateway;
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let added = |who: &BackEnd, body: &Value| {
        let (status, told) = scene.ask(who, "POST", "/users", body);
        assert_eq!(status, 201, "{told}");
        (told["name"].as_str().expect("a name").to_owned(), told["password"].as_str().map(str::to_owned))
    };
    let (name, password) = added(acme, &json!({"name": "alice", "groups": ["sales"], "calls_max": 2}));
    let password = password.expect("it is given one");
    assert_eq!(name, "acme+alice");
    let (_, none) = added(acme, &json!({"name": "acme+carol", "password": "wonderland"}));
    assert_eq!(none, None, "who brings one knows it");
    let (_, of_bob) = added(own, &json!({"name": "beta+bob"}));

    // She calls what her customer may call, shown by its number, and no more at one time than all of it.
    let alice = scene.user("acme+alice", &password).await.expect("the password is right");
    let carol = scene.user("acme+carol", "wonderland").await.expect("the password is right");
    assert_eq!(refusal(&alice, "9200").await, Some(403));
    let dialling = alice.dial("9100").await.expect("a number");
    let incoming =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    assert!(incoming.invite.contains("From: <sip:4711@"), "{}", incoming.invite);
    let lifted = incoming.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(refusal(&carol, "9101").await, Some(503), "one call of all");
    call.hang_up().await.expect("confirmed");

    // Each knows its own.
    let terms = json!({"name": "acme+alice", "in_file": false, "enabled": true, "groups": ["acme+sales"], "calls_max": 2});
    for path in ["/users/alice", "/users/acme+alice", "/users/acme%2Balice"] {
        assert_eq!(scene.get(acme, path), (200, terms.clone()), "{path}");
    }
    let names = |who: &BackEnd| {
        let (_, told) = scene.get(who, "/users");
        told["items"].as_array().expect("a list").iter().map(|user| user["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(acme), ["acme+alice", "acme+carol"]);
    assert_eq!(names(beta), ["beta+bob"]);
    assert_eq!(names(own), ["acme+alice", "acme+carol", "alice", "beta+bob"]);
    let (_, page) = scene.get(own, "/users?limit=1&after=acme%2Bcarol");
    assert_eq!(page, json!({"items": [{"name": "alice", "in_file": true}], "next": "alice"}));
    for (method, body) in
        [("GET", Value::Null), ("PATCH", json!({"enabled": false})), ("DELETE", Value::Null)]
    {
        scene.assert_refused((beta, method, "/users/acme+alice"), &body, 404, "not-found");
    }
    for wrong in [
        json!({"name": "acme+mallory"}),
        json!({"name": "m", "groups": ["acme+sales"]}),
        json!({"name": "m", "supervises": ["acme+sales"]}),
    ] {
        scene.assert_refused((beta, "POST", "/users"), &wrong, 404, "not-found");
    }

    // What is changed holds at once; what cannot be changes nothing.
    let (status, told) =
        scene.ask(acme, "PATCH", "/users/alice", &json!({"password": "lentils!", "calls_max": null}));
    assert_eq!(
        (status, &told["calls_max"], &told["groups"]),
        (200, &Value::Null, &json!(["acme+sales"])),
        "{told}"
    );
    assert!(scene.user("acme+alice", &password).await.is_err(), "that was her password");
    scene.user("acme+alice", "lentils!").await.expect("it is the new one");
    scene.assert_refused((acme, "PATCH", "/users/alice"), &json!({"calls_max": 0}), 422, "faulty");
    scene.assert_refused((acme, "POST", "/users"), &json!({"name": "alice"}), 409, "conflict");
    scene.assert_refused((acme, "POST", "/users"), &json!({"name": "x", "colour": 1}), 400, "bad-request");
    scene.assert_refused((own, "PATCH", "/users/alice"), &json!({"calls_max": 1}), 409, "conflict");
    assert_eq!(scene.ask(acme, "DELETE", "/users/alice", &Value::Null).0, 204);
    scene.assert_refused((acme, "DELETE", "/users/alice"), &Value::Null, 404, "not-found");
    assert!(scene.user("acme+alice", "lentils!").await.is_err(), "she is gone");
    let is_gone = || gateway.status()["registered_users"] == 1;
    assert!(wait_until(PATIENCE, is_gone), "{}", gateway.status());
    for secret in [&password, "wonderland", "lentils!", &of_bob.expect("it is given one")] {
        assert_eq!(gateway.log().count(&[secret]), 0, "no password is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_policy_is_the_operators_and_its_key_has_tokens_made_for_its_users_alone() {
    let scene = Scene::set();
    let Scene { stage, own, acme, beta, .. } = &scene;
    let (status, seen) = scene.get(acme, "/customers");
    assert_eq!((status, seen["items"].as_array().map(Vec::len)), (200, Some(1)), "{seen}");
    assert_eq!((&seen["items"][0]["name"], &seen["items"][0]["calls_max"]), (&json!("acme"), &json!(1)));
    assert_eq!(scene.get(acme, "/customers/beta").0, 404);
    for (method, path, body) in [
        ("POST", "/customers", json!({"name": "gamma"})),
        ("PATCH", "/customers/acme", json!({"calls_max": null})),
        ("DELETE", "/customers/beta", Value::Null),
    ] {
        scene.assert_refused((acme, method, path), &body, 403, "not-own");
    }
    let (status, told) = scene.ask(own, "PATCH", "/customers/acme", &json!({"calls_max": 3}));
    assert_eq!((status, &told["calls_max"], &told["numbers"]), (200, &json!(3), &json!(["4711"])), "{told}");
    // Whichever comes first by name.
    let more = json!({"name": "zeta", "enabled": false, "numbers": ["+4711"]});
    for (method, path, body) in [
        ("PATCH", "/customers/beta", json!({"numbers": ["1", "+4711"]})),
        ("POST", "/customers", more),
        ("POST", "/customers", json!({"name": "aaa", "numbers": ["4711"]})),
    ] {
        scene.assert_refused((own, method, path), &body, 409, "conflict");
        let (_, told) = scene.ask(own, method, path, &body);
        assert!(
            told["detail"].as_str().is_some_and(|detail| detail.contains("\"acme\"'s already")),
            "{told}"
        );
    }
    assert_eq!(scene.get(own, "/customers/zeta").0, 404, "nothing is written");

    for (who, name) in [(acme, "alice"), (beta, "bob")] {
        assert_eq!(scene.ask(who, "POST", "/users", &json!({"name": name})).0, 201);
    }
    let asked = json!({"user": "alice", "lifetime_s": 30, "destinations": ["91*"], "caller_id": "4711"});
    scene.assert_refused((acme, "POST", "/tokens"), &asked, 409, "no-token-key");
    let add = ["tok", "--kind", "wt1", "--audience", "gateway", "--customer", "acme"];
    assert!(stage.gateway.operate("key add", &add).status.success());
    let (status, made) = scene.ask(acme, "POST", "/tokens", &asked);
    assert_eq!((status, &made["user"]), (201, &json!("acme+alice")), "{made}");
    let token = made["token"].as_str().expect("a token");
    let session = scene.connect(token).await.expect("a good token");
    assert_eq!(session["user"], "acme+alice");
    assert!(matches!(scene.connect(token).await, Err(PageError::Refused { .. })), "it is good once");

    scene.assert_refused((acme, "POST", "/tokens"), &json!({"user": "mallory"}), 422, "no-user");
    scene.assert_refused((acme, "POST", "/tokens"), &json!({"user": "beta+bob"}), 422, "no-user");
    scene.assert_refused(
        (acme, "POST", "/tokens"),
        &json!({"user": "alice", "lifetime_s": 86400}),
        422,
        "faulty",
    );
    scene.assert_refused(
        (acme, "POST", "/tokens"),
        &json!({"user": "alice", "caller_id": "110"}),
        400,
        "bad-request",
    );
    scene.assert_refused((beta, "POST", "/tokens"), &json!({"user": "bob"}), 409, "no-token-key");
    assert_eq!(scene.ask(acme, "PATCH", "/users/alice", &json!({"enabled": false})).0, 200);
    scene.assert_refused((acme, "POST", "/tokens"), &json!({"user": "alice"}), 422, "no-user");
    assert_eq!(stage.gateway.log().count(&[token]), 0, "no token is told");

    // A customer that goes takes its keys along.
    assert_eq!(scene.ask(own, "DELETE", "/customers/acme", &Value::Null).0, 204);
    assert_eq!(scene.get(acme, "/users").0, 401);
}
