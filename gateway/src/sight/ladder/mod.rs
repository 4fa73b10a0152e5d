//! A call as a ladder: a column for each party, a rung for each message.

mod build;
mod json;
mod party;
mod sdp;
mod step;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use build::Ladder;
pub use json::json;
pub use party::Party;
pub use step::Step;
pub use svg::svg;
pub use text::text;
