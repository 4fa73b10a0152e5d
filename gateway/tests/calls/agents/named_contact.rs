//! A trunk that calls by a stream of its own, closes that, and is found by a name alone, which has to be looked up then
//! (RFC 3263 4).

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{Call, Phone};

use super::doors::TLS_PORT;
use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, phone};
use super::stream_phone::{Connection, Way};
use super::trunk_streams::{Door, Ground, OWN_AUDIO_PORT, TIMER, agree, request};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Its Contact: only the name's SRV record tells at which port it listens.
const CONTACT: &str = "<sip:far@edge.far.test;transport=tls>";
const EDGE_PORT: u16 = 5071;

/// Of its INVITE: the gateway is to refresh the call every ten seconds.
const ASKED_TIMER: &str =
    "Allow: INVITE, ACK, BYE, UPDATE\r\nSupported: timer\r\nSession-Expires: 20;refresher=uas\r\n";

/// A call of the trunk's that both hear, and what keeps it up.
struct Talk {
    ground: Ground,
    own: Option<Connection>,
    lifted: Call,
    mouth: RtpPeer,
    _carrier: Phone,
}

impl Talk {
    async fn begin() -> Self {
        let lines = format!("port = {TLS_PORT}\ntransport = 'tls'");
        let ground = Ground::led_by(GatewayConfig::default(), Way::Tls, &lines, |zone, far| {
            zone.srv("_sips._tcp.edge.far.test", [10, 0, EDGE_PORT], "box.far.test")
                .address("box.far.test", far)
        })
        .await;
        let carrier = phone(ground.stage.callee(CodecId::Pcmu)).await;
        let mut own = ground.connect().await;
        let said = (OWN_AUDIO_PORT, CALLER_HZ);
        let (lifted, mouth) = ground.call_in(&mut own, ("9100", &carrier), CONTACT, ASKED_TIMER, said).await;
        let talk = Self { ground, own: Some(own), lifted, mouth, _carrier: carrier };
        talk.assert_both_hear().await;
        talk
    }

    async fn assert_both_hear(&self) {
        assert_hears_from_now(&self.lifted, CALLER_HZ).await;
        self.mouth.assert_hears(Law::Mu, CALLEE_HZ.into());
    }

    /// Where the name leads, by a certificate for the trunk's name or for another one.
    async fn door(&self, is_the_trunk: bool) -> Door {
        let shown = &self.ground.pairs[usize::from(!is_the_trunk)];
        Door::open(self.ground.far.at(EDGE_PORT), Some(shown)).await
    }

    /// The trunk closes its stream.
    fn close(&mut self) {
        drop(self.own.take());
        self.ground.stage.gateway.log().wait_for(&["signalling connection closed under a call"], PATIENCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_whose_contact_is_a_name_is_refreshed_where_that_leads_once_its_stream_has_closed() {
    let mut talk = Talk::begin().await;
    let door = talk.door(true).await;
    talk.close();
    let mut other = door.accept().await.expect("by the trunk's name");
    let update = request(&mut other, "UPDATE").await;
    agree(&mut other, &update, &format!("Contact: {CONTACT}\r\n{TIMER}")).await;
    talk.assert_both_hear().await;
    talk.lifted.hang_up().await.expect("confirmed");
    let bye = request(&mut other, "BYE").await;
    agree(&mut other, &bye, "").await;
    talk.ground.stage.gateway.assert_all_is_over(1);
}

/// At once, when the name may not have been looked up yet; and by nobody who shows another name there.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_whose_contact_is_a_name_is_hung_up_where_that_leads_and_by_its_own_name_alone() {
    for is_the_trunk in [true, false] {
        let mut talk = Talk::begin().await;
        let door = talk.door(is_the_trunk).await;
        talk.close();
        talk.lifted.hang_up().await.expect("confirmed");
        let other = door.accept().await;
        assert_eq!(other.is_some(), is_the_trunk);
        if let Some(mut other) = other {
            let bye = request(&mut other, "BYE").await;
            agree(&mut other, &bye, "").await;
        }
        talk.ground.stage.gateway.assert_all_is_over(1);
    }
}
