//! `/certs`: the certificates that we show, and how long they are good.

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer;
use crate::certificates::{CertificateFacts, Certificates};

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

impl CertificateList {
    fn of(certificates: &Certificates, now: Timestamp) -> Self {
        let listed = |(shown_to, facts): (String, CertificateFacts)| {
            let days_left = facts.left(now).as_secs() / (24 * 60 * 60);
            ListedCertificate { shown_to, facts, days_left }
        };
        Self { certificates: certificates.facts().into_iter().map(listed).collect() }
    }
}

pub(super) async fn list(certificates: web::Data<Certificates>) -> HttpResponse {
    answer::ok(CertificateList::of(&certificates, Timestamp::now()))
}
