//! What a certificate says of itself (RFC 5280 4.1).

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Whose it is, as RFC 4514 writes it; Let's Encrypt leaves it empty, and names alone count.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// The names and addresses that it is good for.
    pub names: Vec<String>,
    /// From when on it is good.
    pub not_before: Date,
    /// Until when it is good.
    pub not_after: Date,
}

/// A moment to the second: `2026-11-28T09:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date(i64);

impl CertificateFacts {
    /// Reads a certificate; `None` where it is written as none should be.
    #[must_use]
    pub fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = Certificate::from_der(der.as_ref()).ok()?;
        let body = certificate.tbs_certificate();
        let names = body.get_extension::<SubjectAltName>().ok().flatten();
        let names = names.map(|(_, SubjectAltName(names))| names.iter().filter_map(name).collect());
        Some(Self {
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: Date::of(&body.validity().not_before),
            not_after: Date::of(&body.validity().not_after),
        })
    }

    /// How long it is still good at this moment; zero where it is not any more.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Duration {
        let left = self.not_after.0.saturating_sub(now.as_second());
        Duration::from_secs(u64::try_from(left).unwrap_or_default())
    }

    /// Its first name, or else its subject.
    #[must_use]
    pub fn title(&self) -> &str {
        self.names.first().unwrap_or(&self.subject)
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

impl Date {
    fn of(time: &Time) -> Self {
        Self(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl From<Date> for String {
    fn from(Date(seconds): Date) -> Self {
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
    }
}

impl TryFrom<String> for Date {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse::<Timestamp>().map(|at| Self(at.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn subject_issuer_names_and_end_are_read() {
        let mut params =
            CertificateParams::new(vec!["phone.example".to_owned(), "192.0.2.1".to_owned()]).expect("names");
        params.distinguished_name.push(DnType::CommonName, "Our Phone");
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2026, 4, 2);
        let made = params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate");
        let facts = CertificateFacts::read(made.der()).expect("it is one");
        assert!(facts.subject.contains("CN=Our Phone") && facts.issuer == facts.subject, "{facts:?}");
        assert_eq!(facts.names, ["phone.example", "192.0.2.1"]);
        assert_eq!(facts.title(), "phone.example");
        let told = serde_json::to_value(&facts).expect("plain");
        assert_eq!(told["not_before"], "2026-01-02T00:00:00Z");
        assert_eq!(told["not_after"], "2026-04-02T00:00:00Z");
        assert_eq!(serde_json::from_value::<CertificateFacts>(told).expect("ours"), facts);
        let at = |text: &str| facts.left(text.parse().expect("a moment")).as_secs();
        assert_eq!(at("2026-04-01T23:59:00Z"), 60);
        assert_eq!(at("2027-01-01T00:00:00Z"), 0);
        assert_eq!(CertificateFacts::read(&CertificateDer::from(&b"a letter"[..])), None);
    }
}
