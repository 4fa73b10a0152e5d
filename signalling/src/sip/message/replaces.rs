//! Replaces, RFC 3891 6.1: the dialog whose place another takes.

use super::chars::unescape;
use super::{ByteString, HeaderName, Headers, Params, ParseError, SipUri, SyntaxError};

/// A dialog, named from the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of the side that is told.
    pub to_tag: String,
    /// The tag of the side that is replaced.
    pub from_tag: String,
    /// Only while it is not answered.
    pub is_early_only: bool,
}

impl Headers {
    /// Replaces, where it is given.
    ///
    /// # Errors
    /// It stands twice or breaks its grammar.
    pub fn replaces(&self) -> Result<Option<Replaces>, ParseError> {
        self.optional(HeaderName::Replaces, Replaces::parse)
    }
}

impl SipUri {
    /// The Replaces of a request that the URI says to make (RFC 3261 19.1.1), where it is given.
    ///
    /// # Errors
    /// It stands twice or breaks its grammar.
    pub fn replaces(&self) -> Result<Option<Replaces>, SyntaxError> {
        let headers = self.headers.as_deref().unwrap_or_default();
        let fields = headers.split('&').filter_map(|field| field.split_once('='));
        let mut values =
            fields.filter(|(name, _)| HeaderName::from(&*unescape(name)) == HeaderName::Replaces);
        let Some((_, value)) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SyntaxError("Replaces stands twice"));
        }
        Replaces::parse(&ByteString::from(&*unescape(value))).map(Some)
    }
}

impl Replaces {
    fn parse(text: &ByteString) -> Result<Self, SyntaxError> {
        let (call_id, params) = text.split_at(text.find(';').ok_or(SyntaxError("no tags"))?);
        let params = Params::parse_header(text, &params)?;
        let call_id = call_id.trim_ascii();
        if call_id.is_empty() {
            return Err(SyntaxError("no Call-ID"));
        }
        let tag = |name| params.get(name).map(str::to_owned).ok_or(SyntaxError("a tag is missing"));
        Ok(Self {
            call_id: call_id.to_owned(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            is_early_only: params.has("early-only"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{NameAddr, Uri};

    fn header(text: &str) -> Result<Option<Replaces>, ParseError> {
        let mut headers = Headers::new();
        headers.push(HeaderName::Replaces, text);
        headers.replaces()
    }

    fn in_uri(uri: &str) -> Result<Option<Replaces>, SyntaxError> {
        let address: NameAddr = format!("<{uri}>").parse().expect("an address");
        let Uri::Sip(uri) = address.uri else { panic!("a SIP URI") };
        uri.replaces()
    }

    #[test]
    fn a_dialog_is_named_by_call_id_and_tags() {
        let named = Replaces {
            call_id: "425928@bobster.example.org".into(),
            to_tag: "7743".into(),
            from_tag: "6472".into(),
            is_early_only: false,
        };
        let text = "425928@bobster.example.org;to-tag=7743;from-tag=6472";
        assert_eq!(header(text).expect("it is sound"), Some(named.clone()));
        let early = header("425928@bobster.example.org ; From-Tag=6472;early-only ;to-tag=7743;x=y");
        assert_eq!(early.expect("it is sound"), Some(Replaces { is_early_only: true, ..named.clone() }));
        let uri = "sip:bob@192.0.2.1?Subject=x&replaces=425928%40bobster.example.org%3Bto-tag%3D7743%3Bfrom-tag%3D6472";
        assert_eq!(in_uri(uri).expect("it is sound"), Some(named));
    }

    #[test]
    fn what_names_no_dialog_is_refused() {
        for text in [
            "",
            "1",
            ";to-tag=2;from-tag=3",
            "1;to-tag=2",
            "1;from-tag=2",
            "1;to-tag;from-tag=3",
            "1;;to-tag=2",
        ] {
            assert!(header(text).is_err(), "{text}");
        }
        assert!(in_uri("sip:bob@192.0.2.1?Replaces=1").is_err());
        let one = "Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3";
        assert!(in_uri(&format!("sip:bob@192.0.2.1?{one}&{one}")).is_err());
        assert_eq!(in_uri("sip:bob@192.0.2.1?Subject=x"), Ok(None));
        assert_eq!(in_uri("sip:bob@192.0.2.1"), Ok(None));
    }
}
