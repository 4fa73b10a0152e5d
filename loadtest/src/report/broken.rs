//! What is told where the load tester itself breaks.

use std::any::Any;

/// What a panic said.
pub(crate) fn why(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

/// The same in a sentence.
pub(crate) fn told(why: &str) -> String {
    format!("the load tester itself broke ({why}), which is a fault of its own: report it")
}
