//! A page that is not ours, used as a person uses it.

use serde_json::{Value, json};

use super::browser::Browser;

/// A visited page.
pub(crate) struct Visit {
    browser: Browser,
    name: String,
}

impl Visit {
    pub(super) const fn new(browser: Browser, name: String) -> Self {
        Self { browser, name }
    }

    /// Fills a field in.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.act(json!({"do": "fill", "selector": selector, "text": text}));
    }

    /// Presses a button, once it can be.
    pub(crate) fn click(&self, selector: &str) {
        self.act(json!({"do": "click", "selector": selector}));
    }

    /// Waits until an element can be seen and holds a text.
    ///
    /// # Panics
    /// When it does not in time.
    pub(crate) fn see(&self, selector: &str, text: &str) {
        self.act(json!({"do": "see", "selector": selector, "text": text}));
    }

    /// The value of a field or meter.
    pub(crate) fn value(&self, selector: &str) -> Value {
        self.act(json!({"do": "value", "selector": selector}))
    }

    pub(super) fn act(&self, mut request: Value) -> Value {
        request["page"] = self.name.clone().into();
        let done = self.browser.act(request.clone());
        done.unwrap_or_else(|error| {
            panic!("{request}: {error}\nconsoles:\n{}", self.browser.log().lines().join("\n"))
        })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.browser.close(&self.name);
    }
}
