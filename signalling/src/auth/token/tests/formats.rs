//! Known answers: what others make is opened, and what we make is what others would.

use std::collections::HashMap;

use super::*;

/// Made by Node.js's crypto: key 00..1f, nonce 64..6f.
const SEALED: &str = "wt1.k1.ZGVmZ2hpamtsbW5vMzm_Ex3LbLxOCjCGv0sPhSOvdmbuTt9QzrDYasGSkn6g23j4fCKrKN-WAE_fePv4LW-q3xh5cRjW08aihqOfqD_q6G_0Zxlk6AyCNn_-E9wfWmpHwrev_P3ABvRKMWJz_hDhDRwiyhqRwPyyzWPcjVBH4XGlW5UW1hb-0LPaKv0Q7PHYR1c6SqQ5OmCn7jn2tLqAqqDzjgisxQMmdbEREBfEIg";

/// Made by Node.js's crypto, each with the key that its `kid` names.
fn jwts() -> HashMap<String, String> {
    serde_json::from_str(include_str!("jwt.json")).unwrap()
}

#[test]
fn our_own_format_is_aes_256_gcm_as_others_have_it() {
    let keys = keyring();
    let unsealed = keys.unseal(SEALED, MADE).expect("it is sound");
    assert_eq!((unsealed.key.id.as_str(), unsealed.format), ("k1", Format::Sealed));
    assert_eq!(unsealed.claims, claims(ACCOUNT));
    let nonce = std::array::from_fn(|index| u8::try_from(index + 100).unwrap());
    assert_eq!(keys.keys()[0].make(&claims(ACCOUNT), nonce, MADE).as_deref(), Ok(SEALED));
}

#[test]
fn json_web_tokens_of_others_are_opened() {
    for (name, key) in [("hs256", "hs"), ("rs256", "rs"), ("es256", "es"), ("eddsa", "ed")] {
        let keys = keyring();
        let unsealed = keys.unseal(&jwts()[name], MADE).expect(name);
        assert_eq!((unsealed.key.id.as_str(), unsealed.format), (key, Format::Jwt));
        assert_eq!(unsealed.claims, claims(NO_ACCOUNT));
    }
}

#[test]
fn a_key_has_one_algorithm_whatever_a_header_says() {
    let keys = keyring();
    let jwts = jwts();
    assert_eq!(keys.unseal(&jwts["none"], MADE).err(), Some(Refusal::WrongAlgorithm));
    // Signed by HMAC, with the text of the public key as its secret.
    assert_eq!(keys.unseal(&jwts["confused"], MADE).err(), Some(Refusal::WrongAlgorithm));
}

#[test]
fn keys_of_a_provider_are_found_by_their_ids_and_by_their_algorithms() {
    let own = Keyring::new(vec![key("idp", jwks(), terms())]);
    for (id, algorithm) in
        [("rsa-1", JwtAlgorithm::Rs256), ("ec-1", JwtAlgorithm::Es256), ("ed-1", JwtAlgorithm::EdDsa)]
    {
        let maker = Keyring::new(vec![key(id, pair(algorithm), terms())]);
        let token = make(&maker, id, NO_ACCOUNT);
        assert_eq!(own.unseal(&token, MADE).expect(id).key.id, "idp");
        let unnamed = maker.keys()[0].clone();
        let other = Keyring::new(vec![TokenKey { id: "other".to_owned(), ..unnamed }]);
        let token = make(&other, "other", NO_ACCOUNT);
        assert_eq!(own.unseal(&token, MADE).err(), Some(Refusal::UnknownKey("other".to_owned())));
    }
    // Without an id all of its algorithm are tried: this one's is none of the set's.
    let unnamed = without_id(&jwts()["hs256"]);
    assert_eq!(own.unseal(&unnamed, MADE).err(), Some(Refusal::WrongAlgorithm));
}

/// A token as it is, but for its header: the signature does not fit.
fn without_id(token: &str) -> String {
    use base64::Engine;
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#))
}

#[test]
fn a_token_without_a_keys_id_is_tried_by_all_of_its_algorithm() {
    let keys = keyring();
    assert_eq!(keys.unseal(&without_id(&jwts()["hs256"]), MADE).err(), Some(Refusal::Forged), "it was found");
    // Made by openssl: header {"alg":"HS256"}.
    let claims = keys.unseal(forgery::HS256_WITHOUT_KID, MADE).expect("it is sound").claims;
    assert_eq!(claims.subject.as_deref(), Some("alice"));
}

#[test]
fn a_set_of_keys_is_public_ones_that_prove_signatures() {
    use super::super::jwks::{JwksError, SET_MAX};
    let parse = |json: &str| Jwks::parse(json.as_bytes()).map(drop);
    assert_eq!(parse(r#"{"keys":[]}"#), Err(JwksError::NoneUsable));
    assert_eq!(parse(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), Err(JwksError::NoneUsable));
    assert_eq!(
        parse(r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}"#),
        Err(JwksError::PrivateKeys)
    );
    assert_eq!(
        parse(r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"PS256"}]}"#),
        Err(JwksError::NoneUsable)
    );
    for wrong in ["", "[]", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(parse(wrong), Err(JwksError::NotASet), "{wrong}");
    }
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(SET_MAX));
    assert_eq!(parse(&long), Err(JwksError::TooLong));
}

#[test]
fn keys_that_are_none_are_refused() {
    let es256: &[u8] = include_bytes!("es256.pub");
    assert_eq!(JwtKey::public(JwtAlgorithm::Rs256, es256).err(), Some(KeyFault::Pem("RS256")));
    assert_eq!(JwtKey::public(JwtAlgorithm::EdDsa, b"no PEM").err(), Some(KeyFault::Pem("EdDSA")));
    assert_eq!(JwtKey::public(JwtAlgorithm::Hs256, es256).err(), Some(KeyFault::NotPublic));
    let short = JwtKey::secret(&octets("a secret of thirty-one octets..")).err();
    assert_eq!(short, Some(KeyFault::Short { given: 31, least: 32 }));
    let sealing = SealingKey::new(SecretOctets::new(vec![0; 31])).err();
    assert_eq!(sealing, Some(KeyFault::Length { given: 31, wanted: 32 }));
    let bridge = BridgeKey::new(cipher("crm"), octets("fifteen octets.")).err();
    assert_eq!(bridge, Some(KeyFault::Short { given: 15, least: 16 }));
    assert_eq!(LegacyCipher::new("a:b".to_owned(), &octets("key")).err(), Some(KeyFault::App));
    let other = JwtKey::public(JwtAlgorithm::Es256, es256).unwrap();
    assert_eq!(other.with_private(OTHER_ES256).err(), Some(KeyFault::NoPair));
}

/// openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
const OTHER_ES256: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0FBeWQSdQAVObMlP\nxvYIlU5TsJ61Da0EM0si3w+hZCKhRANCAAQJiwzffRNV4clmzyIvmhNFdt/dlqKz\n7PWmH+PaFC9PyQogmeXPz0fh9tLCIvheyBJfKJPWf5RAgwVZR7K5S/PV\n-----END PRIVATE KEY-----";

#[test]
fn no_secret_of_any_key_is_shown() {
    let shown = format!("{:?}", keyring());
    for secret in [SECRET, "a key of the bridge", "MII", "97, 32, 115"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
