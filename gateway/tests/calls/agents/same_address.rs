//! Two trunks by two names at one address: a stream on which the one has shown its name is none of the other's.

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{AgentError, Phone};

use super::doors::TLS_PORT;
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{Connection, Way};
use super::trunk_streams::{Ground, OTHER_NAME, agree, contact, request};
use crate::sip::raw_phone::response;
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// A ground on which numbers that begin with 6 are another trunk's, at the address of the first.
async fn ground() -> Ground {
    let second = format!(
        "name = 'second'\nhost = '{OTHER_NAME}'\nport = {TLS_PORT}\ntransport = 'tls'\ncodecs = ['PCMU']"
    );
    let config = GatewayConfig::default().trunk_lines(&second).rule(
        "destination = '6\\d+'\nfrom_trunk = 'office'\n\
         actions = [{ bridge = { trunk = 'second', number = '$0' } }]",
    );
    let lines = format!("port = {TLS_PORT}\ntransport = 'tls'");
    Ground::led_by(config, Way::Tls, &lines, |zone, far| zone.address(OTHER_NAME, far)).await
}

/// Takes the call that comes by this stream, is heard and hung up.
async fn talks(ground: &mut Ground, office: &Phone, number: &str, by: &mut Connection) {
    let contact = contact(ground.far.at(TLS_PORT), "tls");
    let dialing = office.dial(number).await.expect("a number");
    let invite = request(by, "INVITE").await;
    assert!(invite.starts_with(&format!("INVITE sip:{number}@")), "{invite}");
    ground.take(by, &invite, &contact).await;
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    request(by, "ACK").await;
    assert_hears_from_now(&call, CALLEE_HZ).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    call.hang_up().await.expect("confirmed");
    let bye = request(by, "BYE").await;
    agree(by, &bye, "").await;
}

/// Fails when a stream is used again by its address alone (CVE-2020-15260): then the second trunk's calls are told to the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_is_not_called_by_the_stream_of_another_name_at_its_address() {
    let mut ground = ground().await;
    let office = phone(ground.stage.caller(CodecId::Pcmu)).await;
    let dialing = office.dial("7100").await.expect("a number");
    let mut first = ground.door.accept().await.expect("its certificate is good");
    let invite = request(&mut first, "INVITE").await;
    first.send(response(&invite, "486 Busy Here", "", "").as_bytes()).await;
    let busy = dialing.answered(PATIENCE).await;
    assert_eq!(busy.err().as_ref().and_then(AgentError::status), Some(486));
    request(&mut first, "ACK").await;
    talks(&mut ground, &office, "7101", &mut first).await;

    let dialing = office.dial("6100").await.expect("a number");
    assert!(ground.door.accept().await.is_none(), "who shows the first one's name there is not the second");
    let refused = dialing.answered(PATIENCE).await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(502));

    ground.door.show(&ground.pairs[1]);
    let dialing = office.dial("6101").await.expect("a number");
    let mut second = ground.door.accept().await.expect("by its own name");
    let invite = request(&mut second, "INVITE").await;
    second.send(response(&invite, "486 Busy Here", "", "").as_bytes()).await;
    let busy = dialing.answered(PATIENCE).await;
    assert_eq!(busy.err().as_ref().and_then(AgentError::status), Some(486));
    request(&mut second, "ACK").await;

    // Each has its own from now on, and nothing of the other's has come by it.
    talks(&mut ground, &office, "6102", &mut second).await;
    talks(&mut ground, &office, "7102", &mut first).await;
    ground.stage.gateway.assert_all_is_over(6);
}
