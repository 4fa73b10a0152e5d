//! What a token says: whom it is of, for whom, until when, and how far it goes.

use std::fmt;
use std::str::FromStr;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::account::{Account, Credential, is_line};
use super::refusal::Refusal;
use crate::auth::secret::SecretText;
use crate::auth::validity::UnixTime;

/// What stands in place of a secret that is not shown.
const BLANK: &str = "***";

/// Most destinations and audiences of one token. Chosen by us: who needs more writes them into the key's terms.
const LIST_MAX: usize = 100;

/// What a token says, in any format. [`Claims::from_json`] reads it, and refuses names that there are not; the derived
/// reader alone passes over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The gateways that it is for (RFC 7519 4.1.3).
    #[serde(rename = "aud", default, skip_serializing_if = "Audience::is_empty")]
    pub audience: Audience,
    /// When it was made.
    #[serde(rename = "iat", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<UnixTime>,
    /// From when on it is good for nothing.
    #[serde(rename = "exp")]
    pub expires: UnixTime,
    /// Until when it is not good yet.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixTime>,
    /// Its own name, by which a second use is known.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who made it.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The person that it was made for, as statistics name it.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The SIP account that the page phones by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// What it may call: `None` is all that the key's terms and the dial plan let it, none at all is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<Destination>>,
    /// The number that those called are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// How many calls it may have at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_max: Option<u32>,
    /// How many calls it may make in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_total_max: Option<u32>,
    /// Whether its calls are recorded; `None` leaves it to the dial plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// The names of all claims. A claim of another name is a limit that was misspelt, or that we would not keep.
const NAMES: [&str; 14] = [
    "aud",
    "iat",
    "exp",
    "nbf",
    "jti",
    "iss",
    "sub",
    "account",
    "destinations",
    "caller_id",
    "calls_max",
    "calls_total_max",
    "recording",
    "customer",
];

/// What becomes of claims that we do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownClaims {
    /// The token is refused, so that no limit is lost by a slip of the fingers.
    #[default]
    Refuse,
    /// They are passed over, as RFC 7519 4 has it: identity providers write many of their own.
    Ignore,
}

/// Names of gateways: one text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience(pub Vec<String>);

/// Numbers or names that may be called: one in full, or all that begin with what stands before a star.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    text: String,
}

/// Whether calls are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// Each, from its beginning.
    Always,
    /// When the page asks for it.
    OnDemand,
    /// None.
    Never,
}

/// The text is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no number, nor the begin of numbers and a star")]
pub struct DestinationError;

impl Claims {
    /// Reads what stands in a token: JSON, each claim once.
    ///
    /// # Errors
    /// [`Refusal::BadClaims`] tells the place alone, since what stands there may be a secret.
    pub(super) fn parse(json: &[u8], unknown: UnknownClaims) -> Result<Self, Refusal> {
        let bad = |error: serde_json::Error| Refusal::BadClaims { column: error.column() };
        let names: Names = serde_json::from_slice(json).map_err(bad)?;
        if unknown == UnknownClaims::Refuse
            && let Some(name) = names.0.into_iter().find(|name| !NAMES.contains(&name.as_str()))
        {
            return Err(Refusal::UnknownClaim(name));
        }
        let claims: Self = serde_json::from_slice(json).map_err(bad)?;
        claims.check()?;
        Ok(claims)
    }

    /// Reads what somebody writes who makes a token, whom the reader's words may tell all.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let names: Names = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if let Some(name) = names.0.iter().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(format!("there is no claim {name:?}; there are {}", NAMES.join(", ")));
        }
        let claims: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        claims.check().map_err(|refusal| refusal.to_string())?;
        Ok(claims)
    }

    /// As tokens hold them.
    #[must_use]
    pub fn to_json(&self) -> SecretText {
        SecretText::new(serde_json::to_string(self).expect("claims are texts and numbers"))
    }

    /// The same with each secret blanked, to be shown.
    #[must_use]
    pub fn blanked(&self) -> Self {
        let mut shown = self.clone();
        if let Some(Account { credential: Some(Credential::Password(password)), .. }) = &mut shown.account {
            *password = SecretText::new(BLANK.to_owned());
        }
        shown
    }

    /// What stands in headers and logs is one line each, and lists end.
    fn check(&self) -> Result<(), Refusal> {
        let texts = [
            ("jti", &self.id),
            ("iss", &self.issuer),
            ("sub", &self.subject),
            ("caller_id", &self.caller_id),
            ("customer", &self.customer),
        ];
        let is_wrong = |text: &Option<String>| text.as_deref().is_some_and(|text| !is_line(text));
        if let Some((name, _)) = texts.into_iter().find(|(_, text)| is_wrong(text)) {
            return Err(Refusal::BadClaim(name));
        }
        if !self.audience.0.iter().all(|name| is_line(name)) || self.audience.0.len() > LIST_MAX {
            return Err(Refusal::BadClaim("aud"));
        }
        if self.destinations.as_ref().is_some_and(|list| list.len() > LIST_MAX) {
            return Err(Refusal::BadClaim("destinations"));
        }
        Ok(())
    }
}

impl Audience {
    /// Whether it names nobody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Destination {
    /// Whether `number` is meant.
    #[must_use]
    pub fn allows(&self, number: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some(begin) => number.starts_with(begin),
            None => number == self.text,
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let has_star_within = text.strip_suffix('*').unwrap_or(text).contains('*');
        if is_line(text) && !has_star_within {
            Ok(Self { text: text.to_owned() })
        } else {
            Err(DestinationError)
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            list => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            List(Vec<String>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::One(name) => Self(vec![name]),
            Written::List(names) => Self(names),
        })
    }
}

/// The names of an object's members.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"aud":["a.example","b.example"],"iat":1764288000,"exp":1764288300,"nbf":1764287990,"jti":"7f3a","iss":"crm.example","sub":"Alice","account":{"user":"1001","password":"wonderland","domain":"sip.example.net"},"destinations":["+4930*","112"],"caller_id":"+49301234567","calls_max":1,"calls_total_max":5,"recording":"on_demand","customer":"acme"}"#;

    fn parse(json: &str) -> Result<Claims, Refusal> {
        Claims::parse(json.as_bytes(), UnknownClaims::Refuse)
    }

    #[test]
    fn claims_read_back_and_each_name_is_known() {
        let claims = parse(FULL).expect("claims");
        assert_eq!(claims.to_json().expose(), FULL);
        let names: Names = serde_json::from_str(FULL).expect("an object");
        assert_eq!(names.0, NAMES);
        assert_eq!(Claims::from_json(FULL), Ok(claims));
    }

    #[test]
    fn what_is_shown_has_no_password() {
        let claims = parse(FULL).expect("claims");
        let shown = claims.blanked().to_json();
        assert!(!shown.expose().contains("wonderland") && shown.expose().contains(r#""password":"***""#));
        assert!(!format!("{claims:?}").contains("wonderland"));
    }

    #[test]
    fn a_misspelt_limit_is_refused_and_not_lost() {
        let json = r#"{"exp":1,"destination":["112"]}"#;
        assert_eq!(parse(json), Err(Refusal::UnknownClaim("destination".to_owned())));
        assert!(Claims::parse(json.as_bytes(), UnknownClaims::Ignore).is_ok());
        assert!(Claims::from_json(json).is_err_and(|told| told.contains("destinations")));
    }

    #[test]
    fn a_fault_tells_the_place_and_never_what_stands_there() {
        let json = r#"{"exp":1,"account":{"user":"a","password":4711}}"#;
        let told = parse(json).expect_err("no claims");
        assert!(matches!(told, Refusal::BadClaims { column: 45 | 46 }), "{told:?}");
        assert!(!told.to_string().contains("4711"));
    }

    #[test]
    fn what_is_no_claims_is_refused() {
        for wrong in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"exp":"1"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e309}"#,
            r#"{"exp":1,"exp":2}"#,
            r#"{"exp":1} "x""#,
            r#"{"exp":1,"aud":{"a":1}}"#,
            r#"{"exp":1,"aud":""}"#,
            r#"{"exp":1,"jti":"a\nb"}"#,
            r#"{"exp":1,"sub":"a\u001b[31m"}"#,
            r#"{"exp":1,"caller_id":"+49\r\nX: y"}"#,
            r#"{"exp":1,"destinations":["+49*30"]}"#,
            r#"{"exp":1,"destinations":[""]}"#,
            r#"{"exp":1,"calls_max":-1}"#,
            r#"{"exp":1,"recording":"sometimes"}"#,
            r#"{"exp":1,"sub":"\ud800"}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let deep = format!(r#"{{"exp":1,"x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(parse(&deep).is_err());
        assert!(Claims::parse(deep.as_bytes(), UnknownClaims::Ignore).is_ok(), "no depth takes the stack");
    }

    #[test]
    fn a_destination_is_a_number_or_its_beginning() {
        let allows = |pattern: &str, number| pattern.parse::<Destination>().map(|own| own.allows(number));
        assert_eq!(allows("+4930*", "+49301234"), Ok(true));
        assert_eq!(allows("+4930*", "+4930"), Ok(true));
        assert_eq!(allows("+4930*", "+49401234"), Ok(false));
        assert_eq!(allows("112", "112"), Ok(true));
        assert_eq!(allows("112", "1120"), Ok(false));
        assert_eq!(allows("*", "anybody"), Ok(true));
        for wrong in ["", "**", "a**", "*a", "a*b*", "a\n"] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong:?}");
        }
    }
}
