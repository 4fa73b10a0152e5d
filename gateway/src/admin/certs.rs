//! `/certs`: the certificates that we show, and how long they are good.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer;
use crate::certificates::CertificateFacts;
use crate::config::Trunk;
use crate::tls::{self, OwnCertificate};

/// The certificates that we show, to whomever.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    own: Option<Arc<OwnCertificate>>,
    /// What trunks are shown that ask, by their names: as it was at the start.
    to_trunks: Arc<[(String, CertificateFacts)]>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CertificateList {
    /// Each certificate that we show.
    pub(crate) certificates: Vec<ListedCertificate>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListedCertificate {
    /// Who is shown it: `listeners`, for whoever connects to us, or `trunk NAME`.
    pub(crate) shown_to: String,
    /// What it says.
    #[serde(flatten)]
    pub(crate) facts: CertificateFacts,
    /// Whole days until it ends; 0 on its last day, and after.
    pub(crate) days_left: u64,
}

impl Certificates {
    /// Our own, and what these trunks are shown.
    #[must_use]
    pub fn new(own: Option<Arc<OwnCertificate>>, trunks: &[Trunk]) -> Self {
        let shown = trunks.iter().filter_map(|trunk| {
            let facts = tls::facts_of(&trunk.client_certificate.as_ref()?.certificate)?;
            Some((trunk.sip.name.clone(), facts))
        });
        Self { own, to_trunks: shown.collect() }
    }

    /// What is shown now: to whom, and what it says.
    pub(crate) fn shown(&self) -> Vec<(String, CertificateFacts)> {
        let own = self.own.as_ref().and_then(|own| own.facts());
        let own = own.map(|facts| ("listeners".to_owned(), facts));
        let to_trunks = self.to_trunks.iter();
        own.into_iter()
            .chain(to_trunks.map(|(trunk, facts)| (format!("trunk {trunk}"), facts.clone())))
            .collect()
    }

    fn list(&self, now: Timestamp) -> CertificateList {
        let listed = |(shown_to, facts): (String, CertificateFacts)| {
            let days_left = facts.left(now).as_secs() / (24 * 60 * 60);
            ListedCertificate { shown_to, facts, days_left }
        };
        CertificateList { certificates: self.shown().into_iter().map(listed).collect() }
    }
}

pub(super) async fn list(certificates: web::Data<Certificates>) -> HttpResponse {
    answer::ok(certificates.list(Timestamp::now()))
}
