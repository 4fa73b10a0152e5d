//! The schema of a report, out of its types.

use schemars::Schema;
use schemars::schema_for;

use super::Report;

/// The JSON Schema (draft 2020-12) of `report.json`.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(Report)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/load-report.schema.json");
    /// Writes it anew where this is set.
    const WRITE: &str = "WEBTRUNK_WRITE_LOAD_REPORT";

    #[test]
    fn the_schema_in_the_documents_is_the_one_of_the_code() {
        let expected = format!("{}\n", serde_json::to_string_pretty(&schema()).expect("it is JSON"));
        if std::env::var_os(WRITE).is_some() {
            return fs::write(DOCUMENT, expected).expect("the document is ours");
        }
        let written = fs::read_to_string(DOCUMENT).expect("the document is there");
        assert!(written == expected, "write it anew: {WRITE}=1 cargo test --workspace --lib report::schema");
    }
}
