//! What came of a run, for people and programs.

mod agents;
pub(crate) mod broken;
mod call;
mod curve;
#[cfg(test)]
pub(crate) mod example;
mod generator;
mod junit;
mod model;
mod page;
mod schema;
mod summary;

pub use agents::AgentsReport;
pub use call::{CallReport, Outcome};
pub use curve::Moment;
pub use generator::GeneratorReport;
pub use junit::junit;
pub(crate) use model::breaches;
pub use model::{Ending, FORMAT, Report};
pub use page::{compare, page};
pub use schema::schema;
pub use summary::{Distribution, Summary};
