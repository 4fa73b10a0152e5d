//! Digest: the fields of strangers, and whether who has the password, and nobody else, comes in.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use webtrunk_signalling::auth::digest::{
    Algorithm, Attempts, Challenge, Credentials, Denied, DigestClient, DigestConfig, DigestServer, Ha1,
    Response,
};

/// What is tried.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    realm: &'a str,
    username: &'a str,
    password: &'a str,
    method: &'a str,
    uri: &'a str,
    /// Where 0 changes nothing, which octet of the right answer is changed, and how.
    forgery: (u16, u8),
    /// The value of a header field, as a stranger writes it.
    value: &'a str,
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Reads a stranger's field, and lets a client in by a realm, a name and a password of any letters.
///
/// # Panics
/// A field does not read back; who has the password is kept out; who has it not comes in.
pub fn run(octets: &[u8]) {
    if let Ok(value) = std::str::from_utf8(octets) {
        stranger(value);
    }
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(octets)) else { return };
    stranger(input.value);
    login(&input);
}

struct One<'a>(&'a Input<'a>);

impl Credentials for One<'_> {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == self.0.username).then(|| Ha1::new(algorithm, user, realm, self.0.password))
    }
}

fn stranger(value: &str) {
    let now = Instant::now();
    if let Some(challenge) = Challenge::parse(value) {
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge.clone()));
        let mut client = DigestClient::new("ann", "secret", None, [1; 32]);
        let mut attempts = Attempts::default();
        client.handle_challenge([value].into_iter(), &mut attempts).expect("it can be answered");
        let answer = client.authorize("INVITE", "sip:bob@example.net").expect("challenged");
        // What we cannot check, a server that wants the body protected, we do not read either.
        if let Some(answer) = Response::parse(&answer) {
            assert_eq!((answer.realm, answer.nonce), (challenge.realm, challenge.nonce));
        }
    }
    if let Some(response) = Response::parse(value) {
        assert_eq!(Response::parse(&response.to_string()), Some(response));
    }
    let input = Input {
        realm: "r",
        username: "ann",
        password: "secret",
        method: "",
        uri: "",
        forgery: (0, 0),
        value: "",
    };
    let mut server = server("r", now);
    let verdict = server.verify("INVITE", [value].into_iter(), PEER, &One(&input), now);
    assert!(verdict.is_err(), "a stranger came in: {value}");
}

fn login(input: &Input<'_>) {
    let now = Instant::now();
    let mut server = server(input.realm, now);
    let challenges = server.challenges(PEER, &Denied::Missing, now);
    let mut client = DigestClient::new(input.username, input.password, Some(input.realm), [1; 32]);
    let taken = client.handle_challenge(challenges.iter().map(String::as_str), &mut Attempts::default());
    taken.expect("our own challenge can be answered");
    let answer = client.authorize(input.method, input.uri).expect("challenged");
    let later = now + Duration::from_secs(1);
    let mut verify =
        |answer: &str| server.verify(input.method, [answer].into_iter(), PEER, &One(input), later);
    // A URI with quotes in it is none, and the client does not look.
    if input.uri.contains(['"', '\\']) {
        return;
    }
    let forged = forge(&answer, input.forgery);
    if let Some(forged) = &forged
        && proof(forged) != proof(&answer)
    {
        assert!(verify(forged).is_err(), "who has not the password comes in: {forged}");
    }
    assert_eq!(verify(&answer).as_deref(), Ok(input.username), "{answer}");
    assert!(verify(&answer).is_err(), "the same answer is taken twice");
}

fn server(realm: &str, now: Instant) -> DigestServer {
    DigestServer::new(DigestConfig::new(realm), [7; 32], now)
}

/// The answer with one octet changed, where it is text still.
fn forge(answer: &str, (at, by): (u16, u8)) -> Option<String> {
    let mut octets = answer.as_bytes().to_vec();
    let at = usize::from(at) % octets.len();
    octets[at] ^= by;
    String::from_utf8(octets).ok()
}

/// What is proven: by name, realm, nonce, count and proof. Letters of hexadecimal may be large or small.
fn proof(answer: &str) -> Option<Response> {
    let mut response = Response::parse(answer)?;
    response.response.make_ascii_lowercase();
    response.opaque = None;
    Some(response)
}
