//! Calls that nobody takes: the caller gets the status that says so, and nothing is left.

use super::stage::Stage;

/// Calls while the carrier's phone rings and then refuses with `answer`; the caller has to get `status`.
fn refusal(answer: &str, status: &str) {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_refuses", &[("ANSWER", answer)]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", status)]);
    let seen = caller.finish();
    assert!(seen.iter().any(|seen| !seen.is_sent && seen.is("180")), "it rang");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn busy() {
    refusal("486 Busy Here", "486");
}

#[test]
fn busy_everywhere() {
    refusal("600 Busy Everywhere", "486");
}

#[test]
fn declined() {
    refusal("603 Decline", "603");
}

#[test]
fn unknown_to_the_callee() {
    refusal("404 Not Found", "404");
}

#[test]
fn temporarily_unavailable() {
    refusal("480 Temporarily Unavailable", "480");
}

#[test]
fn not_acceptable() {
    refusal("488 Not Acceptable Here", "488");
}

#[test]
fn overloaded() {
    refusal("503 Service Unavailable\nRetry-After: 30", "503");
}

/// Where a call goes is for the dial plan to say: nobody sends our callers elsewhere.
#[test]
fn moved() {
    refusal("302 Moved Temporarily", "480");
}

/// What the callee thinks of our credentials is not the caller's business.
#[test]
fn challenged() {
    refusal("407 Proxy Authentication Required\nProxy-Authenticate: Digest realm=\"c\", nonce=\"1\"", "403");
}

#[test]
fn broken_at_the_callee() {
    refusal("500 Server Internal Error", "502");
}

#[test]
fn not_answered() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_rings", &[]);
    let caller = stage.call("caller_refused", "8100", &[("STATUS", "480")]);
    let seen = caller.finish();
    assert!(seen.iter().any(|seen| !seen.is_sent && seen.is("180")), "it rang");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// The callee may not say so by BYE (RFC 3261 15), but means it.
#[test]
fn left_before_the_answer() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_leaves_early", &[]);
    stage.call("caller_refused", "9100", &[("STATUS", "486")]).finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn a_number_that_no_rule_knows() {
    let Some(stage) = Stage::new() else { return };
    stage.call("caller_refused", "7100", &[("STATUS", "404")]).finish();
    stage.gateway.assert_all_is_over(0);
    assert_eq!(stage.gateway.log().count(&["no rule is for this caller"]), 1);
}

#[test]
fn a_user_who_is_not_registered() {
    let Some(stage) = Stage::new() else { return };
    stage.call("caller_refused", "alice", &[("STATUS", "480")]).finish();
    stage.gateway.assert_all_is_over(1);
    assert_eq!(stage.gateway.log().count(&["caller is gone"]), 0, "it was refused");
}
