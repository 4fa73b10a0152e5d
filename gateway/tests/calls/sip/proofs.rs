//! A carrier that wants to be proven more than most do: by SHA-512-256, over the description too (`auth-int`), and
//! anew where its nonce is stale (RFC 7616, RFC 8760).

use webtrunk_codecs::g711::Law;

use super::digest::Proof;
use super::raw_phone::{RawPhone, audio_port, cseq, description, header};
use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CARRIER_HZ: f64 = 440.0;

const ACCOUNT: [&str; 3] = ["gate", "carrier.test", "open sesame"];

struct Stage {
    gateway: Gateway,
    office: Host,
    carrier: Host,
    phone: RawPhone,
}

impl Stage {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [office, carrier] = [Host::new(), Host::new()];
        let [user, realm, password] = ACCOUNT;
        let config = GatewayConfig::default()
            .trunk("office", &office, &["PCMU"])
            .trunk("carrier", &carrier, &["PCMU"])
            .last_trunk(&format!(
                "credentials = {{ user = '{user}', password = '{password}', realm = '{realm}' }}"
            ))
            .rule(
                "destination = '9\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
            );
        let gateway = Gateway::start(&config);
        let phone = RawPhone::at_port(&carrier, SIP_PORT, &gateway, "100");
        Some(Self { gateway, office, carrier, phone })
    }

    /// The next request of this method; ACKs and what is sent again are passed over.
    fn next(&self, method: &str, last: u32) -> String {
        loop {
            let request = self.phone.receive();
            if request.starts_with(method) && cseq(&request) > last {
                return request;
            }
        }
    }

    /// Challenges an INVITE with this nonce, and gives what it is answered.
    fn challenge(&self, invite: &str, nonce: &str, more: &str) -> String {
        self.refuse(invite, nonce, more);
        let again = self.next("INVITE ", cseq(invite));
        assert_proven(&again, nonce);
        again
    }

    fn refuse(&self, invite: &str, nonce: &str, more: &str) {
        let realm = ACCOUNT[1];
        let challenge = format!(
            "WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=SHA-512-256, \
             qop=\"auth-int\"{more}\r\n"
        );
        self.phone.respond_with(invite, "401 Unauthorized", &challenge, "");
    }
}

/// Fails unless an INVITE proves itself, computed apart from the code under test (RFC 7616 3.4).
fn assert_proven(invite: &str, nonce: &str) {
    let [user, realm, password] = ACCOUNT;
    let proof = Proof::parse(&format!("Authorization: {}", header(invite, "Authorization")));
    assert_eq!(
        ["algorithm", "qop", "realm", "nonce"].map(|name| proof.get(name)),
        ["SHA-512-256", "auth-int", realm, nonce]
    );
    let body = invite.split_once("\r\n\r\n").expect("its head ends").1;
    assert!(body.starts_with("v=0"), "{invite}");
    assert_eq!(proof.get("response"), proof.expected("INVITE", body, user, password));
}

#[test]
fn a_call_proves_its_description_by_sha_512_256_and_again_where_the_nonce_is_stale() {
    let Some(stage) = Stage::new() else { return };
    let [mut caller_rtp, mut callee_rtp] =
        [&stage.office, &stage.carrier].map(|host| RtpPeer::new(host, 7000));
    let caller = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "9100", &[]);
    let first = stage.next("INVITE ", 0);
    assert_eq!(header(&first, "Authorization"), "", "told without being asked");
    let second = stage.challenge(&first, "n1", "");
    let third = stage.challenge(&second, "n2", ", stale=true");
    let headers =
        format!("Contact: <sip:100@{}>\r\nContent-Type: application/sdp\r\n", stage.phone.address());
    stage.phone.respond_with(&third, "200 OK", &headers, &description(stage.carrier.ip(), 7000));
    let caller_port = caller.wait_for("200").audio_port().expect("an answer");
    let at = |port: u16| (stage.gateway.sip().ip(), port).into();
    caller_rtp.say(at(caller_port), Law::Mu, CALLER_HZ);
    callee_rtp.say(at(audio_port(&third)), Law::Mu, CARRIER_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CARRIER_HZ);
    caller.go_on();
    let bye = stage.next("BYE ", cseq(&third));
    stage.phone.respond(&bye, "200 OK");
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn a_third_challenge_of_one_call_is_answered_no_more() {
    let Some(stage) = Stage::new() else { return };
    let caller =
        Sipp::caller(&stage.office, "caller_refused", stage.gateway.sip(), "9100", &[("STATUS", "403")]);
    let first = stage.next("INVITE ", 0);
    let second = stage.challenge(&first, "n1", "");
    let third = stage.challenge(&second, "n2", ", stale=true");
    stage.refuse(&third, "n3", ", stale=true");
    caller.finish();
    let acknowledged = stage.next("ACK ", cseq(&second));
    assert_eq!(cseq(&acknowledged), cseq(&third));
    assert!(stage.phone.is_left_alone(), "it is tried again and again");
    stage.gateway.assert_all_is_over(1);
}
