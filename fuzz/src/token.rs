//! Tokens: those of strangers, what stands in those of others, and whether a change of one is ever let in.

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::token::bridge::BridgeKey;
use webtrunk_signalling::auth::token::jwt::JwtKey;
use webtrunk_signalling::auth::token::legacy::{LegacyCipher, LegacyKey};
use webtrunk_signalling::auth::token::sealed::SealingKey;
use webtrunk_signalling::auth::token::{Claims, Format, KeyKind, Keyring, Look, Terms, TokenKey};
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

/// What is tried.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// Which octet of a sound token is changed, and how; 0 changes nothing.
    forgery: (u16, u8),
    is_bridge: bool,
    /// A stranger's token.
    token: &'a str,
    /// What stands in somebody's.
    within: &'a [u8],
}

const NOW: UnixTime = UnixTime(1_764_288_000);

/// The keys, and a sound token of each format whose changes are tried.
struct World {
    keys: Keyring,
    sealed: String,
    bridge: String,
    /// What every token of the web call server is encrypted by: the text of one, known, over that token.
    stream: Vec<u8>,
}

/// Opens, changes and reads tokens.
///
/// # Panics
/// Somebody without a key is let in, or what was opened does not read back.
pub fn run(octets: &[u8]) {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(World::new);
    if let Ok(text) = std::str::from_utf8(octets) {
        world.stranger(text);
        json(text);
    }
    world.xml(octets);
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(octets)) else { return };
    world.stranger(input.token);
    world.xml(input.within);
    world.forgery(input.forgery, if input.is_bridge { &world.bridge } else { &world.sealed });
}

impl World {
    fn new() -> Self {
        let octets = |first: u8, count: u8| SecretOctets::new((first..first + count).collect());
        let terms = || Terms { hosts: vec!["sip.example.net".parse().expect("a host")], ..Terms::default() };
        let key =
            |id: &str, kind| TokenKey::new(id.to_owned(), kind, Validity::default(), terms()).expect("an id");
        let cipher = || LegacyCipher::new("crm".to_owned(), &octets(0, 16)).expect("a key");
        let keys = vec![
            key("k1", KeyKind::Sealed(SealingKey::new(octets(0, 32)).expect("a key"))),
            key("b1", KeyKind::Bridge(BridgeKey::new(cipher(), octets(32, 32)).expect("a key"))),
            key("l1", KeyKind::Legacy(LegacyKey { cipher: cipher(), networks: Vec::new(), origins: None })),
            key("h1", KeyKind::Jwt(JwtKey::secret(&octets(64, 32)).expect("a key"))),
        ];
        let name = "x".repeat(128);
        let json = format!(
            r#"{{"exp":1764288300,"account":{{"user":"{name}","auth_name":"{name}","password":"{name}","visible_name":"{name}"}}}}"#
        );
        let claims = Claims::from_json(&json).expect("claims");
        let sealed = Claims { issued_at: Some(NOW), ..claims.clone() };
        let make = |index: usize, claims| keys[index].make(claims, [0; 12], NOW).expect("it can be said");
        let (sealed, bridge, legacy) = (make(0, &sealed), make(1, &claims), make(2, &claims));
        let known = format!(
            r#"<root login="{name}" authenticationName="{name}" password="{name}" visibleName="{name}""#
        );
        let digits = legacy.trim_start_matches("crm:").as_bytes().chunks(2);
        let octet =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
        let stream = digits.map(octet).zip(known.bytes()).map(|(one, two)| one ^ two).collect();
        Self { keys: Keyring::new(keys), sealed, bridge, stream }
    }

    /// What has a proof is let in by its key alone. What has none may be what anybody writes, so it is off.
    fn stranger(&self, token: &str) {
        let look = Look::at(token);
        if let Ok(unsealed) = self.keys.unseal(token, NOW) {
            assert_eq!(unsealed.format, Format::Legacy, "a stranger came in: {token}");
            assert_eq!(look.map(|look| look.format), Ok(Format::Legacy));
        }
    }

    fn forgery(&self, (at, by): (u16, u8), token: &str) {
        let mut octets = token.as_bytes().to_vec();
        let at = usize::from(at) % octets.len();
        octets[at] ^= by;
        let Ok(changed) = String::from_utf8(octets) else { return };
        match self.keys.unseal(&changed, NOW) {
            Ok(unsealed) if by == 0 => assert_eq!(unsealed.judge(NOW), Ok(())),
            Ok(unsealed) => assert_eq!(unsealed.format, Format::Legacy, "let in: {changed}"),
            Err(refusal) => assert!(by != 0, "{refusal}"),
        }
    }

    /// As whoever knows one token's text writes another.
    fn xml(&self, octets: &[u8]) {
        let encrypted = octets.iter().zip(&self.stream).map(|(one, two)| format!("{:02x}", one ^ two));
        let token = format!("crm:{}", encrypted.collect::<String>());
        let Ok(unsealed) = self.keys.unseal(&token, NOW) else { return };
        let claims = unsealed.claims;
        json(claims.to_json().expose());
        // What its terms let in can be said again; times that nanoseconds cannot hold cannot.
        if let Ok(again) = self.keys.keys()[2].make(&claims, [0; 12], NOW) {
            assert_eq!(self.keys.unseal(&again, NOW).map(|unsealed| unsealed.claims), Ok(claims));
        }
    }
}

fn json(text: &str) {
    let Ok(claims) = Claims::from_json(text) else { return };
    let written = claims.to_json();
    assert_eq!(Claims::from_json(written.expose()), Ok(claims.clone()));
    let shown = claims.blanked().to_json();
    let has_password = claims.account.is_some_and(|account| account.has_password());
    assert_eq!(shown.expose().contains(r#""password":"***""#), has_password, "{}", shown.expose());
}
