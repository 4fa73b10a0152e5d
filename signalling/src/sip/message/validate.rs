//! Whether a well-formed message makes sense, in the order of RFC 3261 8.2, and what to answer
//! where not.

use super::{
    ByteString, Contacts, HeaderName, Headers, Method, ParseError, Request, Response, StatusCode, Uri,
};

/// What this element takes; the rest is refused as RFC 3261 8.2 says.
#[derive(Debug, Clone, Copy)]
pub struct Capabilities {
    /// Methods that are taken, and listed in Allow.
    pub methods: &'static [Method],
    /// Extensions that a peer may require.
    pub option_tags: &'static [&'static str],
}

/// A request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct Reject {
    /// With what status.
    pub status: StatusCode,
    /// With what words.
    pub reason: ByteString,
    /// What else the response must say: Allow, Unsupported, Accept.
    pub headers: Headers,
}

impl Reject {
    /// A refusal with the usual words.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: ByteString::from_static(status.reason()), headers: Headers::new() }
    }

    /// The response that says it; `None` for an ACK, which none may answer, and for a request without
    /// Via, whose answer could find no way.
    #[must_use]
    pub fn response(&self, request: &Request, to_tag: Option<&str>) -> Option<Response> {
        if request.method == Method::Ack || !request.headers.has(&HeaderName::Via) {
            return None;
        }
        let mut response = request.response(self.status, to_tag);
        response.reason = self.reason.clone();
        for header in self.headers.iter() {
            response.headers.push(header.name.clone(), header.value.clone());
        }
        Some(response)
    }

    fn with(mut self, name: HeaderName, value: impl Into<ByteString>) -> Self {
        self.headers.push(name, value);
        self
    }
}

impl From<ParseError> for Reject {
    fn from(error: ParseError) -> Self {
        Self { status: error.status(), reason: error.to_string().into(), headers: Headers::new() }
    }
}

impl Request {
    /// Whether the request can be worked on.
    ///
    /// # Errors
    /// What to answer instead.
    pub fn validate(&self, capabilities: &Capabilities) -> Result<(), Reject> {
        self.check_grammar()?;
        self.check_method(capabilities)?;
        self.check_target()?;
        self.check_require(capabilities)?;
        self.check_content()
    }

    /// The fields that every request has (8.1.1), and the addresses in it.
    fn check_grammar(&self) -> Result<(), Reject> {
        let headers = &self.headers;
        if headers.vias()?.is_empty() {
            return Err(ParseError::Missing(HeaderName::Via).into());
        }
        headers.from()?;
        headers.to()?;
        headers.call_id()?;
        if headers.cseq()?.method != self.method {
            return Err(bad_request("CSeq Method Differs From Request"));
        }
        headers.max_forwards()?;
        headers.routes()?;
        headers.record_routes()?;
        if headers.contacts()? == Contacts::Star && self.method != Method::Register {
            return Err(bad_request("Contact * Outside REGISTER"));
        }
        for name in [HeaderName::ContentType, HeaderName::Expires] {
            if headers.values(&name).nth(1).is_some() {
                return Err(ParseError::Twice(name).into());
            }
        }
        Ok(())
    }

    /// 8.2.1.
    fn check_method(&self, capabilities: &Capabilities) -> Result<(), Reject> {
        if capabilities.methods.contains(&self.method) {
            return Ok(());
        }
        let status = match self.method {
            Method::Other(_) => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::METHOD_NOT_ALLOWED,
        };
        let names: Vec<_> = capabilities.methods.iter().map(Method::as_str).collect();
        Err(Reject::new(status).with(HeaderName::Allow, names.join(", ")))
    }

    /// 8.2.2.1: a Request-URI that we can look up; for REGISTER an address of record (10.3).
    fn check_target(&self) -> Result<(), Reject> {
        if matches!(self.uri, Uri::Other(_)) {
            return Err(Reject::new(StatusCode::UNSUPPORTED_URI_SCHEME));
        }
        let to = self.headers.to()?;
        if self.method == Method::Register && matches!(to.uri, Uri::Other(_)) {
            return Err(Reject::new(StatusCode::NOT_FOUND));
        }
        // A new call or message goes on from here, one hop further (RFC 7332 for B2BUAs).
        if matches!(self.method, Method::Invite | Method::Message)
            && to.tag().is_none()
            && self.headers.max_forwards()? == Some(0)
        {
            return Err(Reject::new(StatusCode::TOO_MANY_HOPS));
        }
        Ok(())
    }

    /// 8.2.2.3.
    fn check_require(&self, capabilities: &Capabilities) -> Result<(), Reject> {
        if matches!(self.method, Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let is_unknown =
            |tag: &&str| !capabilities.option_tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
        let unknown: Vec<_> = self.headers.require().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Reject::new(StatusCode::BAD_EXTENSION).with(HeaderName::Unsupported, unknown.join(", ")))
    }

    /// 8.2.3, for the methods whose bodies are descriptions.
    fn check_content(&self) -> Result<(), Reject> {
        if !matches!(self.method, Method::Invite | Method::Update | Method::Prack) {
            return Ok(());
        }
        if !self.body.is_empty() && !self.is_body_optional() {
            if !self.headers.has(&HeaderName::ContentType) {
                return Err(ParseError::Missing(HeaderName::ContentType).into());
            }
            if !self.headers.is_content_type(SDP) {
                return Err(Reject::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).with(HeaderName::Accept, SDP));
            }
            if self
                .headers
                .tokens(&HeaderName::ContentEncoding)
                .any(|name| !name.eq_ignore_ascii_case("identity"))
            {
                return Err(Reject::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                    .with(HeaderName::AcceptEncoding, "identity"));
            }
        }
        if self.headers.has(&HeaderName::Accept) && !self.headers.tokens(&HeaderName::Accept).any(takes_sdp) {
            return Err(Reject::new(StatusCode::NOT_ACCEPTABLE));
        }
        Ok(())
    }

    /// Whether the body may be passed over where it is not understood (20.11).
    fn is_body_optional(&self) -> bool {
        let disposition = self.headers.get(&HeaderName::ContentDisposition).unwrap_or_default();
        disposition.split(';').skip(1).any(|param| {
            param.split_once('=').is_some_and(|(name, value)| {
                name.trim_ascii().eq_ignore_ascii_case("handling")
                    && value.trim_ascii().eq_ignore_ascii_case("optional")
            })
        })
    }
}

impl Response {
    /// Whether the response can be matched to anything; where not, it is dropped (8.1.3.3, 18.1.2).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<(), ParseError> {
        self.headers.from()?;
        self.headers.to()?;
        self.headers.call_id()?;
        self.headers.cseq()?;
        match self.headers.vias()?.len() {
            0 => Err(ParseError::Missing(HeaderName::Via)),
            1 => Ok(()),
            // Meant for a proxy, and misrouted.
            _ => Err(ParseError::Twice(HeaderName::Via)),
        }
    }
}

const SDP: &str = "application/sdp";

fn bad_request(reason: &'static str) -> Reject {
    Reject {
        status: StatusCode::BAD_REQUEST,
        reason: ByteString::from_static(reason),
        headers: Headers::new(),
    }
}

/// Whether a media range of Accept covers a session description.
fn takes_sdp(range: &str) -> bool {
    let media = range.split(';').next().unwrap_or_default().trim_ascii_end();
    ["*/*", "application/*", SDP].iter().any(|covered| covered.eq_ignore_ascii_case(media))
}
