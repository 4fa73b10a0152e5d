//! Users' passwords from another machine: whoever is on the way there can read them where there is no TLS.

use serde_json::Value;
use tempfile::TempDir;
use webtrunk_loadtest::agent::{JsonPage, PageError, PageMedia, Trust, Voice, WebrtcConfig};

use super::page::{OTHER_HZ, answer, assert_page_hears, call, connected, hang_up, pages, proof};
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0};
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::HTTP_PORT;
use crate::support::host::Host;
use crate::support::machine::Machine;

const SERVED: &str = "10.99.0.1";
const PAGES: [&str; 2] = ["10.99.0.2", "10.99.0.3"];

/// The gateway's machine, and one of pages.
fn machines() -> [Machine; 2] {
    let [inside, outside] = [Machine::new(), Machine::new()];
    let theirs = PAGES.map(|address| format!("{address}/24"));
    inside.lay_cable("office", &["10.99.0.1/24"], &outside, &theirs.each_ref().map(String::as_str));
    [inside, outside]
}

fn config() -> GatewayConfig {
    pages("origins = ['https://phone.example']")
        .origin("https://phone.example")
        .user("alice")
        .user("bob")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]")
}

/// What is told to who is refused: code, message and member.
fn told(refused: Result<Value, PageError>) -> (i64, String, Option<String>) {
    match refused {
        Err(PageError::Refused { code, message, field }) => (code, message, field),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_that_comes_in_clear_is_taken_from_the_gateways_own_machine_alone() {
    let [inside, outside] = machines();
    let gateway = inside.run(|| Gateway::start_at(Host::machine(SERVED), &config()));
    outside.block_on(async || {
        let ask = async |proof: Value| {
            let page = JsonPage::open(&gateway.json_api(), &Trust::default(), None).await;
            page.expect("it listens").request("connect", proof).await
        };
        let mut wrong = proof("alice");
        wrong["proof"]["password"] = "a guess".into();
        let right = told(ask(proof("alice")).await);
        assert_eq!(right, (1002, "the proof is not accepted".to_owned(), Some("proof".to_owned())));
        assert_eq!(right, told(ask(wrong).await), "whoever tries learns nothing of it");
    });
    gateway.log().wait_for(&["page is not let in", "unencrypted from another machine"], PATIENCE);
    inside.block_on(async || {
        let near = format!("ws://127.0.0.1:{HTTP_PORT}/api/v1");
        let mut page = JsonPage::open(&near, &Trust::default(), None).await.expect("it listens");
        page.request("connect", proof("alice")).await.expect("nobody is on the way");
    });
    assert_eq!(gateway.log().count(&["session began"]), 1);
    assert_eq!(gateway.log().count(&[&password("alice")]), 0);
}

#[test]
fn pages_on_another_machine_log_in_by_their_passwords_over_tls_and_hear_each_other() {
    let [inside, outside] = machines();
    let folder = TempDir::new().expect("a folder");
    let (certificate, key) = pair(&folder, "own", SERVED.parse().expect("an address"));
    let config = config().tls(&certificate, &key);
    let gateway = inside.run(|| Gateway::start_at(Host::machine(SERVED), &config));
    let trust = Trust::Authority(certificate);
    let media = |at: &str, hz: u16| {
        let voice = Some(Voice::tone(hz, LEVEL_DBM0));
        let media_address = Some(at.parse().expect("an address"));
        let own = WebrtcConfig::new(&gateway.secure_websocket(), "alice", "unused");
        PageMedia::open(&WebrtcConfig { media_address, voice, ..own }).expect("a port")
    };
    outside.block_on(async || {
        let log_in = async |user: &str| {
            let page = JsonPage::open(&gateway.json_api(), &trust, None).await;
            let mut page = page.expect("it listens, and is trusted");
            page.request("connect", proof(user)).await.expect("the password is right");
            page.event("registration", PATIENCE).await.expect("it can be called");
            page
        };
        let (mut alice, mut bob) = (log_in("alice").await, log_in("bob").await);
        let placed = call(&mut alice, media(PAGES[0], CALLER_HZ), "bob").await;
        let taken = answer(&mut bob, media(PAGES[1], OTHER_HZ)).await;
        connected(&mut alice, &placed).await;
        assert_page_hears(&placed.media, OTHER_HZ).await;
        assert_page_hears(&taken.media, CALLER_HZ).await;
        hang_up(&mut alice, placed).await;
        bob.event("ended", PATIENCE).await.expect("he is told");
    });
    inside.run(|| gateway.assert_all_is_over(1));
}
