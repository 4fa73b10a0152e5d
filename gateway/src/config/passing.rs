//! What of a call's headers goes along, for trunks, users and pages alike.

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::passing::{BadHeaderRange, DiversionStyle, HeaderRange, PassingConfig};

use super::faults::Faults;

/// How diversions are told.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WrittenDiversion {
    /// Who was called before is nobody's business unless somebody says so.
    #[default]
    None,
    Diversion,
    HistoryInfo,
    Both,
}

/// What is written of it.
pub(super) fn check(
    headers: &[Spanned<String>],
    diversion: WrittenDiversion,
    faults: &mut Faults<'_>,
) -> PassingConfig {
    let headers = check_headers(headers, "take it out; for who was called before write diversion", faults);
    let diversion = match diversion {
        WrittenDiversion::None => DiversionStyle::None,
        WrittenDiversion::Diversion => DiversionStyle::Diversion,
        WrittenDiversion::HistoryInfo => DiversionStyle::HistoryInfo,
        WrittenDiversion::Both => DiversionStyle::Both,
    };
    PassingConfig { headers, diversion }
}

/// A list of headers; `instead` is the cure for one that never passes.
pub(super) fn check_headers(
    headers: &[Spanned<String>],
    instead: &str,
    faults: &mut Faults<'_>,
) -> Vec<HeaderRange> {
    let mut ranges = Vec::new();
    for written in headers {
        match written.get_ref().parse::<HeaderRange>() {
            Ok(range) => ranges.push(range),
            Err(error) => {
                let cure = match error {
                    BadHeaderRange::NoName => {
                        "write a name, or the begin of names and a star, such as \"X-*\""
                    }
                    BadHeaderRange::TooWide => {
                        "write two characters at least before the star, such as \"X-*\""
                    }
                    BadHeaderRange::Never => instead,
                };
                faults.add(written.span(), error, cure);
            }
        }
    }
    ranges
}
