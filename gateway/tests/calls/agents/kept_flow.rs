//! A registrar that keeps the flow by which the gateway has registered (RFC 5626): which client that is, whether it lives, and that
//! it comes back by another stream once that one is gone.

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;

use super::doors::TLS_PORT;
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{Connection, Way};
use super::trunk_streams::{Ground, OWN_AUDIO_PORT, agree, request};
use crate::sip::raw_phone::header;
use crate::sip::script::Script;
use crate::support::certificate::pair_for;
use crate::support::gateway::GatewayConfig;

const ACCOUNT: &str = "100";

/// How often something is to be said on a flow: as often as a registrar may have it, and not while a test lasts.
const OFTEN_S: u32 = 5;
const RARELY_S: u32 = 600;

/// A gateway that registers an account by which the carrier is called.
async fn ground() -> Ground {
    ground_with(GatewayConfig::default(), "").await
}

/// The same with what a configuration has already, and these lines of the trunk's.
async fn ground_with(config: GatewayConfig, lines: &str) -> Ground {
    let lines = format!(
        "port = {TLS_PORT}\ntransport = 'tls'\nregister = [{{ user = '{ACCOUNT}' }}]\n\
         credentials = {{ user = '{ACCOUNT}', password = 'open sesame' }}\n{lines}"
    );
    let rule = format!(
        "destination = '{ACCOUNT}'\nfrom_trunk = 'far'\n\
         actions = [{{ bridge = {{ trunk = 'carrier', number = '9100' }} }}]"
    );
    Ground::led_by(config.rule(&rule), Way::Tls, &lines, |zone, _| zone).await
}

/// Takes the registration that comes by a stream, and keeps its flow; gives the REGISTER.
async fn keep(by: &mut Connection, flow_timer_s: u32) -> String {
    let register = request(by, "REGISTER").await;
    let headers = format!(
        "Contact: {}\r\nExpires: 600\r\nRequire: outbound\r\nFlow-Timer: {flow_timer_s}\r\n",
        header(&register, "Contact")
    );
    agree(by, &register, &headers).await;
    register
}

/// What a REGISTER says of who registers, and by which of its flows.
fn client(register: &str) -> &str {
    let (_, client) = header(register, "Contact").split_once('>').expect("a URI in brackets");
    let is_whole = client.starts_with(";+sip.instance=\"<urn:uuid:") && client.ends_with(">\";reg-id=1");
    assert!(is_whole, "{register}");
    assert_eq!(header(register, "Supported"), "path, outbound");
    client
}

/// Fails when the second ping is not sent since the first was not seen to be answered, when the registration is made anew as another
/// client's, or when nobody is called by the new stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_that_keeps_our_flow_hears_pings_and_has_the_same_client_again_when_it_closes() {
    let mut ground = ground().await;
    let mut first = ground.door.accept().await.expect("its certificate is good");
    let register = keep(&mut first, OFTEN_S).await;
    for _ in 0..2 {
        assert_eq!(first.receive_exactly(4).await, b"\r\n\r\n");
        first.send(b"\r\n").await;
    }
    drop(first);
    let mut second = ground.door.accept().await.expect("by the same name");
    let again = keep(&mut second, RARELY_S).await;
    assert_eq!(client(&again), client(&register));
    assert_eq!(header(&again, "Call-ID"), header(&register, "Call-ID"), "RFC 3261 10.2");

    let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
    let contact = format!("<sip:far@{};transport=tls>", ground.far.at(TLS_PORT));
    let said = (OWN_AUDIO_PORT, CALLER_HZ);
    let (lifted, mouth) = ground.call_in(&mut second, (ACCOUNT, &carrier), &contact, "", said).await;
    assert_hears_from_now(&lifted, CALLER_HZ).await;
    mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    lifted.hang_up().await.expect("confirmed");
    let bye = request(&mut second, "BYE").await;
    agree(&mut second, &bye, "").await;
    ground.stage.gateway.assert_all_is_over(1);

    ground.stage.gateway.kill_and_start_again();
    let mut third = ground.door.accept().await.expect("by the same name");
    let restarted = keep(&mut third, RARELY_S).await;
    assert_eq!(client(&restarted), client(&register));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_that_answers_no_ping_has_us_again_by_another_stream() {
    let ground = ground().await;
    let mut first = ground.door.accept().await.expect("its certificate is good");
    let register = keep(&mut first, OFTEN_S).await;
    assert_eq!(first.receive_exactly(4).await, b"\r\n\r\n");
    let mut second = ground.door.accept().await.expect("by the same name");
    let again = keep(&mut second, RARELY_S).await;
    assert_eq!(client(&again), client(&register));
    assert_eq!(first.receive().await, None, "nobody is there any more");
}

/// Whom we have called shows the certificate of its host, and none of those by which the trunk is known where it calls: the authority
/// for these knows nobody else. By a stream of its own, without such a certificate, it is nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_certified_trunk_calls_by_the_stream_that_we_opened_and_both_hear_each_other() {
    const OWN_NAME: &str = "sbc.far.test";
    let folder = TempDir::new().expect("a folder for the test");
    let (authority, _) = pair_for(&folder, "authority", OWN_NAME);
    let config = GatewayConfig::default().asking_by(&authority);
    let ground = ground_with(config, &format!("certificate_name = '{OWN_NAME}'")).await;
    let mut registered = ground.door.accept().await.expect("its certificate is good");
    keep(&mut registered, RARELY_S).await;

    let contact = format!("<sip:far@{};transport=tls>", ground.far.at(TLS_PORT));
    let mut own = ground.connect().await;
    let mut script = Script::new("7100", "TLS", &ground.far.at(TLS_PORT).to_string(), &contact);
    own.send(script.request("INVITE", &format!("sip:{ACCOUNT}@webtrunk.test"), "", "").as_bytes()).await;
    let refused = own.receive().await.expect("an answer");
    assert!(refused.starts_with("SIP/2.0 401 "), "{refused}");
    own.send(script.ack(&refused).as_bytes()).await;

    let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
    let said = (OWN_AUDIO_PORT, CALLER_HZ);
    let (lifted, mouth) = ground.call_in(&mut registered, (ACCOUNT, &carrier), &contact, "", said).await;
    assert_hears_from_now(&lifted, CALLER_HZ).await;
    mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    lifted.hang_up().await.expect("confirmed");
    let bye = request(&mut registered, "BYE").await;
    agree(&mut registered, &bye, "").await;
    ground.stage.gateway.assert_all_is_over(1);
    assert_eq!(ground.stage.gateway.log().count(&["call came in", "TLS:", "trunk far"]), 1);
}
