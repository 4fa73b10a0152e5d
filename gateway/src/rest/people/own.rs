//! What a customer's key may name: its own, with or without the customer's name before it.

use serde_json::Value;
use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, user_of_customer};

use crate::people::Body;
use crate::rest::keys::ApiKey;
use crate::rest::problem::Problem;

/// The whole name of a user, a group or a mailbox.
///
/// # Errors
/// [`Problem`] where it is another's, or the name of nobody.
pub(in crate::rest) fn whole_name(key: &ApiKey, name: &str) -> Result<String, Problem> {
    let whole = match &key.customer {
        Some(customer) if !name.contains(CUSTOMER_MARK) => user_of_customer(customer, name),
        _ => name.to_owned(),
    };
    // What is no name at all is told by who looks at it.
    let is_nobody = key.customer.is_some() && whole.ends_with(CUSTOMER_MARK);
    match is_nobody || !key.sees(&whole) {
        true => Err(Problem::not_found(format!("{name:?} is nothing that the key may name"))),
        false => Ok(whole),
    }
}

/// What a request says of a user, with whole names. Groups, whom it supervises and its mailbox are the customer's own: by
/// another's it would hear, or be called for, whom it must not know.
pub(super) fn with_whole_names(key: &ApiKey, mut body: Body) -> Result<Body, Problem> {
    for name in ["groups", "supervises", "mailbox"] {
        let Some(value) = body.0.get_mut(name) else { continue };
        match value {
            Value::String(own) => *own = whole_name(key, own)?,
            Value::Array(list) => {
                for value in list {
                    if let Value::String(own) = value {
                        *own = whole_name(key, own)?;
                    }
                }
            }
            // What it is else is refused by who reads it, but for null, which takes it away.
            _ => {}
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::calls::belonging::tests::key;

    #[test]
    fn a_customers_key_names_its_own_alone() {
        let (acme, ours) = (key(Some("acme")), key(None));
        let whole = |key, name| whole_name(key, name).ok();
        for name in ["alice", "acme+alice"] {
            assert_eq!(whole(&acme, name).as_deref(), Some("acme+alice"));
        }
        for other in ["beta+bob", "", "acme+", "+alice", "acmes+alice"] {
            assert_eq!(whole(&acme, other), None, "{other}");
        }
        assert_eq!(whole(&ours, "beta+bob").as_deref(), Some("beta+bob"));
        assert_eq!(whole(&ours, "alice").as_deref(), Some("alice"));
        let read = |body: Value| {
            let Value::Object(body) = body else { panic!("an object") };
            with_whole_names(&acme, Body(body)).map(|body| Value::Object(body.0)).ok()
        };
        assert_eq!(
            read(json!({"groups": ["sales", "acme+desk"], "mailbox": null, "calls_max": 2})),
            Some(json!({"groups": ["acme+sales", "acme+desk"], "mailbox": null, "calls_max": 2}))
        );
        for other in [
            json!({"groups": ["beta+sales"]}),
            json!({"supervises": ["a", "beta+x"]}),
            json!({"mailbox": "beta+b"}),
        ] {
            assert_eq!(read(other.clone()), None, "{other}");
        }
    }
}
