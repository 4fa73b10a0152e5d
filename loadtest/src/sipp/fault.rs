//! What an import does otherwise than SIPp, and what it cannot do: by line and element.

use std::fmt::{self, Display};

/// One thing that is done otherwise, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The name of the element; empty where there is none.
    pub element: String,
    /// What, and why.
    pub text: String,
}

/// A scenario of SIPp that there are no words for here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.file, .remarks))]
pub struct ImportError {
    /// The file.
    pub file: String,
    /// What stands in it that cannot be done, in the order of its lines.
    pub remarks: Vec<Remark>,
}

impl Remark {
    /// Of the file as a whole.
    pub(super) fn of_file(text: impl Into<String>) -> Self {
        Self { line: 0, element: String::new(), text: text.into() }
    }
}

impl Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}: ", self.line)?;
        }
        if !self.element.is_empty() {
            write!(f, "<{}>: ", self.element)?;
        }
        f.write_str(&self.text)
    }
}

fn list(file: &str, remarks: &[Remark]) -> String {
    remarks.iter().map(|remark| format!("{file}:{remark}")).collect::<Vec<_>>().join("\n")
}
