//! A page that is not ours, used as a person uses it.

use serde_json::{Value, json};

use super::browser::{Browser, Pending};
use super::page::Listening;

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

    /// The value of a field or meter, or the text of what has none.
    pub(crate) fn value(&self, selector: &str) -> Value {
        self.act(json!({"do": "value", "selector": selector}))
    }

    /// What was hidden and is shown (`#id`), and the begin of the page's own sounds (`sounds`), in order.
    pub(crate) fn noted(&self) -> Vec<String> {
        serde_json::from_value(self.act(json!({"do": "noted"}))).expect("texts")
    }

    /// How the page looks in a window so many pixels wide, on a `screen` or in `print`: how many plots it has, and what is wrong
    /// with them or with it.
    pub(crate) fn layout(&self, width: u32, media: &str) -> (u64, Vec<String>) {
        let looks = self.act(json!({"do": "layout", "width": width, "media": media}));
        let faults = serde_json::from_value(looks["faults"].clone()).expect("texts");
        (looks["figures"].as_u64().expect("a number"), faults)
    }

    /// Loads the page anew: all that it had is gone, but what it kept for itself.
    pub(crate) fn reload(&self) {
        self.act(json!({"do": "renew"}));
    }

    /// Starts to listen to an audio element, from the moment on at which it has something to play.
    pub(crate) fn begin_to_listen(&self, selector: &str, seconds: f64) -> Listening {
        Listening::new(self.begin(json!({"do": "hear", "selector": selector, "seconds": seconds})))
    }

    fn begin(&self, mut request: Value) -> Pending {
        request["page"] = self.name.clone().into();
        self.browser.begin(request)
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
