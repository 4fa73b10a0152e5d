//! Header fields as types, parsed when asked for.

use super::address::parse_list;
use super::chars::{is_call_id, split_outside};
use super::{
    ByteString, CSeq, Contacts, HeaderName, Headers, Method, NameAddr, ParseError, SyntaxError, Via,
};

impl Headers {
    /// The topmost Via.
    ///
    /// # Errors
    /// It is missing or breaks its grammar.
    pub fn via(&self) -> Result<Via, ParseError> {
        let value = self.value(&HeaderName::Via).ok_or(ParseError::Missing(HeaderName::Via))?;
        let top = split_outside(value, b',').next().unwrap_or_default();
        Via::parse(value, top).map_err(|why| ParseError::Header(HeaderName::Via, why))
    }

    /// All Vias, topmost first.
    ///
    /// # Errors
    /// One breaks the grammar.
    pub fn vias(&self) -> Result<Vec<Via>, ParseError> {
        let mut vias = Vec::new();
        for value in self.values(&HeaderName::Via) {
            for part in split_outside(value, b',') {
                vias.push(Via::parse(value, part).map_err(|why| ParseError::Header(HeaderName::Via, why))?);
            }
        }
        Ok(vias)
    }

    /// From.
    ///
    /// # Errors
    /// It is missing, stands twice or breaks its grammar.
    pub fn from(&self) -> Result<NameAddr, ParseError> {
        self.single(HeaderName::From, NameAddr::parse)
    }

    /// To.
    ///
    /// # Errors
    /// It is missing, stands twice or breaks its grammar.
    pub fn to(&self) -> Result<NameAddr, ParseError> {
        self.single(HeaderName::To, NameAddr::parse)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// It is missing, stands twice or breaks its grammar.
    pub fn call_id(&self) -> Result<ByteString, ParseError> {
        self.single(HeaderName::CallId, |value| {
            if is_call_id(value) { Ok(value.clone()) } else { Err(SyntaxError("bad character")) }
        })
    }

    /// CSeq.
    ///
    /// # Errors
    /// It is missing, stands twice or breaks its grammar.
    pub fn cseq(&self) -> Result<CSeq, ParseError> {
        self.single(HeaderName::CSeq, CSeq::parse)
    }

    /// Max-Forwards, where it is given.
    ///
    /// # Errors
    /// It stands twice or is no number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        self.optional(HeaderName::MaxForwards, |value| {
            let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| value.parse().ok()).flatten().ok_or(SyntaxError("no number up to 255"))
        })
    }

    /// Expires in seconds, where it is given.
    ///
    /// # Errors
    /// It stands twice or is no number.
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::Expires, |value| parse_seconds(value).ok_or(SyntaxError("no number")))
    }

    /// Min-Expires in seconds, where it is given.
    ///
    /// # Errors
    /// It stands twice or is no number.
    pub fn min_expires(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::MinExpires, |value| parse_seconds(value).ok_or(SyntaxError("no number")))
    }

    /// All Contacts.
    ///
    /// # Errors
    /// One breaks the grammar, or `*` stands beside others.
    pub fn contacts(&self) -> Result<Contacts, ParseError> {
        let mut star = false;
        let mut list = Vec::new();
        for value in self.values(&HeaderName::Contact) {
            if **value == *"*" {
                star = true;
            } else {
                parse_list(value, &mut list).map_err(|why| ParseError::Header(HeaderName::Contact, why))?;
            }
        }
        match (star, list.is_empty()) {
            (false, _) => Ok(Contacts::List(list)),
            (true, true) => Ok(Contacts::Star),
            (true, false) => {
                Err(ParseError::Header(HeaderName::Contact, SyntaxError("* stands beside addresses")))
            }
        }
    }

    /// The first Contact: the remote target of a dialog.
    ///
    /// # Errors
    /// It is missing, breaks the grammar, or is `*`.
    pub fn contact(&self) -> Result<NameAddr, ParseError> {
        match self.contacts()? {
            Contacts::List(list) => list.into_iter().next().ok_or(ParseError::Missing(HeaderName::Contact)),
            Contacts::Star => Err(ParseError::Header(HeaderName::Contact, SyntaxError("* is no address"))),
        }
    }

    /// All Routes, topmost first.
    ///
    /// # Errors
    /// One breaks the grammar.
    pub fn routes(&self) -> Result<Vec<NameAddr>, ParseError> {
        self.addresses(HeaderName::Route)
    }

    /// All Record-Routes, topmost first.
    ///
    /// # Errors
    /// One breaks the grammar.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, ParseError> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// All Paths, topmost first: the way to who registers (RFC 3327).
    ///
    /// # Errors
    /// One breaks the grammar.
    pub fn paths(&self) -> Result<Vec<NameAddr>, ParseError> {
        self.addresses(HeaderName::Path)
    }

    /// The values of Authorization fields, one set of credentials each.
    pub fn authorizations(&self) -> impl Iterator<Item = &str> {
        self.get_all(&HeaderName::Authorization)
    }

    /// The values of WWW-Authenticate fields, one challenge each.
    pub fn www_authenticates(&self) -> impl Iterator<Item = &str> {
        self.get_all(&HeaderName::WwwAuthenticate)
    }

    /// The values of Proxy-Authenticate fields, one challenge each.
    pub fn proxy_authenticates(&self) -> impl Iterator<Item = &str> {
        self.get_all(&HeaderName::ProxyAuthenticate)
    }

    /// Option tags that the peer demands.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.tokens(&HeaderName::Require)
    }

    /// Option tags that the peer understands.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.tokens(&HeaderName::Supported)
    }

    /// Methods that the peer takes.
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.tokens(&HeaderName::Allow)
    }

    /// Whether the peer takes this method; unknown where it gave no Allow.
    #[must_use]
    pub fn allows(&self, method: &Method) -> Option<bool> {
        self.has(&HeaderName::Allow).then(|| self.allow().any(|name| name == method.as_str()))
    }

    /// The body's `type/subtype`, without parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        let value = self.get(&HeaderName::ContentType)?;
        Some(value.split(';').next().unwrap_or_default().trim_ascii_end())
    }

    /// Whether the body is of this `type/subtype`.
    #[must_use]
    pub fn is_content_type(&self, wanted: &str) -> bool {
        self.content_type().is_some_and(|given| given.eq_ignore_ascii_case(wanted))
    }

    /// The parts of a comma-separated field, empty ones left out.
    pub fn tokens<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        self.get_all(name).flat_map(|value| split_outside(value, b',')).filter(|part| !part.is_empty())
    }

    fn addresses(&self, name: HeaderName) -> Result<Vec<NameAddr>, ParseError> {
        let mut list = Vec::new();
        for value in self.values(&name) {
            if let Err(why) = parse_list(value, &mut list) {
                return Err(ParseError::Header(name.clone(), why));
            }
        }
        Ok(list)
    }

    fn single<T>(
        &self,
        name: HeaderName,
        parse: impl Fn(&ByteString) -> Result<T, SyntaxError>,
    ) -> Result<T, ParseError> {
        let missing = ParseError::Missing(name.clone());
        self.optional(name, parse)?.ok_or(missing)
    }

    pub(super) fn optional<T>(
        &self,
        name: HeaderName,
        parse: impl Fn(&ByteString) -> Result<T, SyntaxError>,
    ) -> Result<Option<T>, ParseError> {
        let mut values = self.values(&name);
        let Some(value) = values.next() else { return Ok(None) };
        let is_twice = values.next().is_some();
        if is_twice {
            return Err(ParseError::Twice(name.clone()));
        }
        parse(value).map(Some).map_err(|why| ParseError::Header(name.clone(), why))
    }
}

/// `delta-seconds`; what is too big for us is as good as the biggest (RFC 3261 20.19).
pub(super) fn parse_seconds(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}
