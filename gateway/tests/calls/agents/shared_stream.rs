//! Two trunks at one host, which share a stream: an operator at which two accounts are registered.

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;

use super::doors::TLS_PORT;
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, phone};
use super::stream_phone::Way;
use super::trunk_streams::{Ground, NAME, OWN_AUDIO_PORT, agree, request};
use crate::sip::raw_phone::header;
use crate::support::certificate::pair_for;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What is said in the calls of the first trunk and of the second.
const FIRST_HZ: u16 = 440;
const SECOND_HZ: u16 = 620;

/// Where the host is, and the account of a trunk there.
fn account(user: &str) -> String {
    format!(
        "port = {TLS_PORT}\ntransport = 'tls'\nregister = [{{ user = '{user}' }}]\n\
         credentials = {{ user = '{user}', password = 'of {user}' }}"
    )
}

/// Calls of this trunk to this account are for a number of the carrier's.
fn rule(trunk: &str, user: &str, number: &str) -> String {
    format!(
        "destination = '{user}'\nfrom_trunk = '{trunk}'\n\
         actions = [{{ bridge = {{ trunk = 'carrier', number = '{number}' }} }}]"
    )
}

/// Fails when a call by the stream is of whichever trunk was named first or has called last: no rule leads on from there.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_two_trunks_by_one_tls_stream_are_each_of_the_trunk_whose_account_is_called() {
    let second = format!("name = 'second'\nhost = '{NAME}'\ncodecs = ['PCMU']\n{}", account("200"));
    let config = GatewayConfig::default()
        .trunk_lines(&second)
        .rule(&rule("far", "100", "9100"))
        .rule(&rule("second", "200", "9200"));
    let ground = Ground::led_by(config, Way::Tls, &account("100"), |zone, _| zone).await;
    let mut registered = ground.door.accept().await.expect("its certificate is good");
    for _ in 0..2 {
        let register = request(&mut registered, "REGISTER").await;
        let contact = format!("Contact: {}\r\nExpires: 600\r\n", header(&register, "Contact"));
        agree(&mut registered, &register, &contact).await;
    }
    let gateway = &ground.stage.gateway;
    let state = |trunk: &str| gateway.status()["trunks"][trunk]["registrations"][0]["state"].clone();
    let are_registered = || ["far", "second"].iter().all(|trunk| state(trunk) == "registered");
    assert!(wait_until(PATIENCE, are_registered), "{}", gateway.status());

    let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
    let contact = format!("<sip:far@{};transport=tls>", ground.far.at(TLS_PORT));
    let mut own = ground.connect().await;
    let mut calls = Vec::new();
    for (index, (user, hz)) in (0..).zip([("100", FIRST_HZ), ("200", SECOND_HZ), ("100", FIRST_HZ)]) {
        let said = (OWN_AUDIO_PORT + 2 * index, hz);
        let ends = ground.call_in(&mut own, (user, &carrier), &contact, "", said).await;
        calls.push((ends, hz));
    }
    for ((lifted, mouth), hz) in &calls {
        assert_hears_from_now(lifted, *hz).await;
        mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    }
    for (trunk, count) in [("trunk far", 2), ("trunk second", 1)] {
        assert_eq!(gateway.log().count(&["call came in", "TLS:", trunk]), count, "{trunk}");
    }

    // What is due goes by the stream by which both are registered, which leads to the same host by the same name.
    drop(own);
    let closed = || gateway.log().count(&["signalling connection closed under a call"]);
    assert!(wait_until(PATIENCE, || closed() == calls.len()), "{} calls know of it", closed());
    for ((lifted, _), _) in &calls {
        lifted.hang_up().await.expect("confirmed");
        let bye = request(&mut registered, "BYE").await;
        agree(&mut registered, &bye, "").await;
    }
    gateway.assert_all_is_over(calls.len());
}

/// Fails when what is due in a call is shown the certificate that is for whichever trunk has called last.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_two_trunks_by_one_stream_that_closed_go_on_by_the_certificate_that_is_for_each() {
    let folder = TempDir::new().expect("a folder for the test");
    let lines = |user: &str| {
        let (certificate, key) = pair_for(&folder, user, &format!("of-{user}.test"));
        let shown =
            format!("client_certificate = {{ certificate = {certificate:?}, private_key = {key:?} }}");
        format!("{}\n{shown}", account(user))
    };
    let second = format!("name = 'second'\nhost = '{NAME}'\ncodecs = ['PCMU']\n{}", lines("200"));
    let config = GatewayConfig::default()
        .trunk_lines(&second)
        .rule(&rule("far", "100", "9100"))
        .rule(&rule("second", "200", "9200"));
    let ground = Ground::led_by(config, Way::Tls, &lines("100"), |zone, _| zone).await;
    let mut registered = Vec::new();
    for _ in 0..2 {
        let mut stream = ground.door.accept().await.expect("its certificate is good");
        let register = request(&mut stream, "REGISTER").await;
        let contact = format!("Contact: {}\r\nExpires: 600\r\n", header(&register, "Contact"));
        agree(&mut stream, &register, &contact).await;
        registered.push((header(&register, "To").contains("200@"), stream));
    }
    registered.sort_by_key(|(is_second, _)| *is_second);
    let gateway = &ground.stage.gateway;
    let state = |trunk: &str| gateway.status()["trunks"][trunk]["registrations"][0]["state"].clone();
    let are_registered = || ["far", "second"].iter().all(|trunk| state(trunk) == "registered");
    assert!(wait_until(PATIENCE, are_registered), "{}", gateway.status());

    let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
    let contact = format!("<sip:far@{};transport=tls>", ground.far.at(TLS_PORT));
    let mut own = ground.connect().await;
    let mut calls = Vec::new();
    for (index, (user, hz)) in (0..).zip([("100", FIRST_HZ), ("200", SECOND_HZ)]) {
        let said = (OWN_AUDIO_PORT + 2 * index, hz);
        calls.push((ground.call_in(&mut own, (user, &carrier), &contact, "", said).await, hz));
    }
    for ((lifted, mouth), hz) in &calls {
        assert_hears_from_now(lifted, *hz).await;
        mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    }
    drop(own);
    let closed = || gateway.log().count(&["signalling connection closed under a call"]);
    assert!(wait_until(PATIENCE, || closed() == calls.len()), "{} calls know of it", closed());
    for (((lifted, _), _), (is_second, stream)) in calls.iter().zip(&mut registered) {
        lifted.hang_up().await.expect("confirmed");
        let bye = request(stream, "BYE").await;
        assert!(header(&bye, "From").contains(if *is_second { "200@" } else { "100@" }), "{bye}");
        agree(stream, &bye, "").await;
    }
    gateway.assert_all_is_over(calls.len());
}
