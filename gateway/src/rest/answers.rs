//! What several requests answer where they cannot be met, as the OpenAPI document tells it. What one request alone answers
//! stands where that request is.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// A type for each, which requests name in their `responses`.
macro_rules! answers {
    ($($name:ident, $status:literal, $description:literal;)+) => {$(
        #[doc = $description]
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([($status.to_owned(), problem($description))])
            }
        }
    )+};
}

answers! {
    AnothersLeg, "403", "The call is another's, or the leg";
    Missing, "404", "There is none";
    Unknown, "404", "There is none that the key may know of";
    NoLeg, "404", "There is none that the key may know of, or no such leg";
    InFile, "409", "It stands in the configuration file";
    NobodyTalks, "409", "Nobody of whom it could be wanted talks";
    Faulty, "422", "It cannot be so";
    NotTaken, "503", "The store did not take it, or did not say whether it did (unsure)";
}

/// An answer whose body is a problem.
pub(super) fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).into()
}
