//! Our own registrations and calls at a trunk that challenges them: every algorithm and quality of protection, by
//! digests that are computed apart from the code under test (RFC 7616, RFC 8760, RFC 3261 22).

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use webtrunk_signalling::adapter::{Command, Party, Target};
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::trunk::{TrunkConfig, TrunkCredentials};
use webtrunk_signalling::sip::upstream::RegistrationConfig;

use crate::support::PATIENCE;
use crate::support::digest::Proof;
use crate::support::gateway::{Gateway, config, dial};
use crate::support::phone::header;

const USER: &str = "4930123456";
const PASSWORD: &str = "open sesame";
const REALM: &str = "provider.test";

/// How long nothing has to come before it counts as nothing.
const SILENCE: Duration = Duration::from_millis(400);

/// The trunk, played by the test.
struct Provider(UdpSocket);

impl Provider {
    /// A provider, and an adapter that has an account there and registers where `registers`.
    async fn new(registers: bool) -> (Self, Gateway) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("bound").port();
        let credentials = TrunkCredentials {
            username: USER.to_owned(),
            password: PASSWORD.to_owned(),
            realm: Some(REALM.to_owned()),
        };
        let registration = RegistrationConfig {
            user: USER.to_owned(),
            expires: Duration::from_secs(600),
            credentials: None,
            of_user: None,
        };
        let mut config = config(&[TransportKind::Udp]);
        config.trunks = vec![TrunkConfig {
            port: Some(port),
            credentials: Some(credentials),
            registrations: registers.then_some(registration).into_iter().collect(),
            ..TrunkConfig::new("provider", "127.0.0.1")
        }];
        (Self(socket), Gateway::start_with(config))
    }

    /// The next request, ACKs passed over.
    async fn request(&self) -> String {
        timeout(PATIENCE, self.next()).await.expect("a request")
    }

    /// The next request, if one comes soon. What was sent before is repeated over UDP, and passed over.
    async fn request_soon(&self, before: &str) -> Option<String> {
        timeout(SILENCE, async {
            loop {
                let request = self.next().await;
                if header(&request, "CSeq") != header(before, "CSeq") {
                    return request;
                }
            }
        })
        .await
        .ok()
    }

    async fn next(&self) -> String {
        loop {
            let mut buffer = vec![0; 65_535];
            let (length, from) = self.0.recv_from(&mut buffer).await.expect("the socket is open");
            self.0.connect(from).await.expect("a route to loopback");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !text.starts_with("ACK ") {
                return text;
            }
        }
    }

    async fn answer(&self, request: &str, status: &str, headers: &str) {
        let mut response = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "Call-ID", "CSeq"] {
            response += &format!("{name}: {}\r\n", header(request, name));
        }
        response +=
            &format!("To: {};tag=provider\r\n{headers}Content-Length: 0\r\n\r\n", header(request, "To"));
        self.0.send(response.as_bytes()).await.expect("loopback takes it");
    }

    /// Challenges a request, and gives what comes then, if anything.
    async fn challenge(&self, request: &str, challenge: &str) -> Option<String> {
        self.answer(request, "401 Unauthorized", &format!("WWW-Authenticate: Digest {challenge}\r\n")).await;
        self.request_soon(request).await
    }

    /// Takes a registration.
    async fn accept(&self, register: &str) {
        let contact = header(register, "Contact").to_owned();
        self.answer(register, "200 OK", &format!("Contact: {contact};expires=600\r\n")).await;
    }
}

fn challenge(realm: &str, nonce: &str, algorithm: &str, qop: &str) -> String {
    format!("realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"{qop}\"")
}

fn authorization(request: &str) -> Option<Proof> {
    let line = request.lines().find(|line| line.starts_with("Authorization: "))?;
    Some(Proof::parse(line))
}

#[tokio::test]
async fn a_registration_proves_itself_by_whatever_the_registrar_wants() {
    for (algorithm, offered, used) in [
        ("MD5", "auth", "auth"),
        ("SHA-256", "auth", "auth"),
        ("SHA-512-256", "auth", "auth"),
        ("MD5", "auth-int", "auth-int"),
        ("SHA-256", "auth-int", "auth-int"),
        ("SHA-512-256", "auth-int", "auth-int"),
        ("SHA-256", "auth,auth-int", "auth"),
    ] {
        let (provider, _gateway) = Provider::new(true).await;
        let register = provider.request().await;
        assert!(authorization(&register).is_none(), "told without being asked");
        let again = provider.challenge(&register, &challenge(REALM, "n1", algorithm, offered)).await;
        let again = again.expect("it has an answer");
        let proof = authorization(&again).expect("credentials");
        assert_eq!(
            (proof.get("algorithm"), proof.get("qop"), proof.get("nc")),
            (algorithm, used, "00000001")
        );
        assert_eq!(
            proof.get("response"),
            proof.expected("REGISTER", "", USER, PASSWORD),
            "{algorithm} {used}"
        );
        provider.accept(&again).await;
        assert_eq!(provider.request_soon(&again).await, None, "it is registered");
    }
}

#[tokio::test]
async fn a_call_proves_its_description_too_where_that_is_asked_for() {
    for algorithm in ["MD5", "SHA-256", "SHA-512-256"] {
        let (provider, gateway) = Provider::new(false).await;
        let target = Target::Trunk { trunk: "provider".into(), number: "100".into() };
        let caller = Party { user: "200".into(), display_name: String::new() };
        gateway.command(Command::Dial(dial(target, caller))).await;
        let invite = provider.request().await;
        let again = provider.challenge(&invite, &challenge(REALM, "n1", algorithm, "auth-int")).await;
        let again = again.expect("it has an answer");
        let proof = authorization(&again).expect("credentials");
        let body = again.split_once("\r\n\r\n").expect("its head ends").1;
        assert!(body.starts_with("v=0"), "{again}");
        assert_eq!(proof.get("qop"), "auth-int");
        assert_eq!(proof.get("response"), proof.expected("INVITE", body, USER, PASSWORD), "{algorithm}");
    }
}

#[tokio::test]
async fn a_stale_nonce_is_answered_once_more_and_a_third_challenge_not_at_all() {
    let (provider, _gateway) = Provider::new(true).await;
    let register = provider.request().await;
    let usual = challenge(REALM, "n1", "SHA-256", "auth");
    let second = provider.challenge(&register, &usual).await.expect("the first answer");
    let stale = format!("{}, stale=true", challenge(REALM, "n2", "SHA-256", "auth"));
    let third = provider.challenge(&second, &stale).await.expect("the password is right, the nonce is old");
    let proof = authorization(&third).expect("credentials");
    assert_eq!((proof.get("nonce"), proof.get("nc")), ("n2", "00000001"));
    assert_eq!(proof.get("response"), proof.expected("REGISTER", "", USER, PASSWORD));
    let stale = format!("{}, stale=true", challenge(REALM, "n3", "SHA-256", "auth"));
    assert_eq!(provider.challenge(&third, &stale).await, None);
}

#[tokio::test]
async fn a_password_that_is_refused_and_a_foreign_realm_get_no_second_answer() {
    let (provider, _gateway) = Provider::new(true).await;
    let register = provider.request().await;
    let usual = challenge(REALM, "n1", "SHA-256", "auth");
    let again = provider.challenge(&register, &usual).await.expect("the first answer");
    // Without stale the password is to blame, whatever the nonce.
    assert_eq!(provider.challenge(&again, &challenge(REALM, "n2", "SHA-256", "auth")).await, None);

    let (provider, _gateway) = Provider::new(true).await;
    let register = provider.request().await;
    assert_eq!(provider.challenge(&register, &challenge("elsewhere.test", "n1", "MD5", "auth")).await, None);
}

#[tokio::test]
async fn the_strongest_challenge_of_several_is_answered() {
    let (provider, _gateway) = Provider::new(true).await;
    let register = provider.request().await;
    let lines: String = ["MD5", "SHA-512-256", "SHA-256"]
        .map(|algorithm| {
            format!("WWW-Authenticate: Digest {}\r\n", challenge(REALM, "n1", algorithm, "auth"))
        })
        .concat();
    provider.answer(&register, "401 Unauthorized", &lines).await;
    let again = provider.request_soon(&register).await.expect("it has an answer");
    let proof = authorization(&again).expect("credentials");
    let strongest = proof.get("algorithm");
    assert_ne!(strongest, "MD5");
    assert_eq!(proof.get("response"), proof.expected("REGISTER", "", USER, PASSWORD), "{strongest}");
}
