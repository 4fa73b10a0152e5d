//! Variables of a scenario, as far as they are known without the target.

use std::collections::HashMap;

/// What a variable holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// What a comparison came to.
    Flag(bool),
    /// What the target says, the time, or what chance makes: nobody knows it before.
    Unknown,
}

/// The variables that were set so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Variables(HashMap<String, Value>);

impl Variables {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Whether a branch that asks for it is taken; `None` where nobody knows.
    pub(super) fn is_set(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            None => Some(false),
            Some(Value::Unknown) => None,
            Some(Value::Flag(flag)) => Some(*flag),
            Some(Value::Number(_) | Value::Text(_)) => Some(true),
        }
    }

    /// Its number, where it is known to be one.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Flag(_) | Value::Unknown => None,
        }
    }

    /// As it is put into messages, where it is known.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Number(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::Flag(_) | Value::Unknown => None,
        }
    }
}
