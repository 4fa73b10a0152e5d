//! `webtrunk certs`: the certificates that a gateway shows.

use std::io::Write;

use super::{Asked, table};
use crate::admin::CertificateList;
use crate::cli::Failure;

/// Writes them as a table.
pub(in crate::cli) fn certs(asked: &Asked, out: impl Write) -> Result<(), Failure> {
    asked.print("/certs", out, |list: &CertificateList, out| {
        if list.certificates.is_empty() {
            return writeln!(out, "no certificate is shown: the configuration has no [tls]");
        }
        let row = |one: &crate::admin::ListedCertificate| {
            let facts = &one.facts;
            let (names, ends) = (facts.names.join(" "), String::from(facts.not_after));
            let (subject, issuer) = (facts.subject.clone(), facts.issuer.clone());
            [one.shown_to.clone(), names, subject, issuer, ends, one.days_left.to_string()]
        };
        let rows: Vec<_> = list.certificates.iter().map(row).collect();
        table::write(out, ["SHOWN TO", "NAMES", "SUBJECT", "ISSUER", "ENDS", "DAYS LEFT"], &rows)
    })
}
