//! What decides what becomes of calls.

use std::sync::Arc;

use crate::b2bua::{Directory, Settings};
use crate::routing::Rules;

/// Rules, settings and the directory; it is replaced as a whole.
pub struct House {
    /// Who may call whom.
    pub rules: Rules,
    /// How calls behave.
    pub settings: Settings,
    /// Where everybody is.
    pub directory: Arc<dyn Directory + Send + Sync>,
}
