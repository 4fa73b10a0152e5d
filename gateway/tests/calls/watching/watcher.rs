//! A phone that watches, written by hand.

use webtrunk_signalling::auth::digest::Algorithm;

use crate::sip::raw_phone::RawPhone;
use crate::support::gateway::{Gateway, password};
use crate::support::host::Host;

/// A user's phone.
pub(super) struct Watcher {
    pub(super) phone: RawPhone,
    user: String,
    _host: Host,
}

impl Watcher {
    /// A phone that has registered.
    pub(super) fn new(gateway: &Gateway, user: &str) -> Self {
        let host = Host::new();
        let mut phone = RawPhone::new(&host, gateway, user);
        phone.register(Algorithm::Md5, &password(user), "");
        Self { phone, user: user.to_owned(), _host: host }
    }

    /// Asks to watch somebody, and gives the response.
    pub(super) fn subscribe(&mut self, target: &str, lines: &str) -> String {
        let uri = format!("sip:{target}@webtrunk.test");
        let challenged = self.phone.ask("SUBSCRIBE", &uri, lines);
        if !challenged.starts_with("SIP/2.0 401 ") {
            return challenged;
        }
        let by = (Algorithm::Md5, password(&self.user));
        let answer = self.phone.authorization(&challenged, by.0, &by.1, ("SUBSCRIBE", &uri));
        self.phone.ask("SUBSCRIBE", &uri, &format!("{lines}{answer}"))
    }

    /// The next notification, answered with this.
    pub(super) fn told(&self, answer: &str) -> String {
        let notify = self.phone.receive();
        assert!(notify.starts_with("NOTIFY "), "{notify}");
        self.phone.respond(&notify, answer);
        notify
    }
}

/// The body of a message.
pub(super) fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
