//! Scenarios of SIPp, and what becomes of them.

use std::path::Path;
use std::time::Duration;

use super::{Imported, Source, Wishes, import};
use crate::agent::{PhoneTransport, SrtpProfile};
use crate::scenario::{Doing, Hanger, Length, Role, Scenario, Traffic};

const CALLER: &str = include_str!("scenarios/caller.xml");
const ANSWERER: &str = include_str!("scenarios/answerer.xml");
const TALKER: &str = include_str!("scenarios/talker.xml");
const BRANCHING: &str = include_str!("scenarios/branching.xml");
const INJECTED: &str = include_str!("scenarios/injected.xml");
const FIELDS: &str = include_str!("scenarios/injected.csv");

fn imported(xml: &str, wishes: &Wishes) -> (Scenario, Imported) {
    let source = Source { file: "it.xml", xml, injection: None };
    let imported = import(&source, wishes).unwrap_or_else(|error| panic!("{error}"));
    (read(&imported), imported)
}

fn read(imported: &Imported) -> Scenario {
    Scenario::parse(Path::new("it.toml"), &imported.toml).unwrap_or_else(|error| panic!("{error}"))
}

/// Why it is not imported, as it is shown.
fn refused(xml: &str) -> String {
    let source = Source { file: "it.xml", xml, injection: None };
    import(&source, &Wishes::default()).expect_err(xml).to_string()
}

/// When something happens, in milliseconds, what, and by whom.
fn steps(traffic: &Traffic) -> Vec<(u128, Doing, bool)> {
    traffic.steps.iter().map(|it| (it.after.as_millis(), it.doing.clone(), it.by_answerer)).collect()
}

/// Whether one of the remarks is of this line and says so.
fn has_remark(imported: &Imported, line: usize, text: &str) -> bool {
    imported.remarks.iter().any(|it| it.line == line && it.text.contains(text))
}

/// The line of a file in which this stands for the first time.
fn line_of(xml: &str, text: &str) -> usize {
    xml.lines().position(|line| line.contains(text)).expect("it is there") + 1
}

#[test]
fn the_plainest_caller_calls_as_the_command_line_says() {
    let wishes = Wishes {
        target: "192.168.1.5:5070".to_owned(),
        transport: PhoneTransport::Tcp,
        service: "9196".to_owned(),
        pause: Duration::from_secs(8),
        rate: 5.0,
        calls: 50,
        ..Wishes::default()
    };
    let (scenario, told) = imported(CALLER, &wishes);
    assert_eq!(told.remarks, []);
    assert_eq!((scenario.calls, scenario.time, scenario.at_once), (50, Duration::from_secs(15), 120));
    let [caller] = &scenario.populations[..] else { panic!("one kind of agents") };
    assert_eq!((caller.role, caller.server.as_deref()), (Role::Caller, Some("192.168.1.5:5070")));
    assert_eq!((caller.accounts.user(0).as_str(), caller.has_password), ("tester", false));
    assert_eq!(caller.codecs.iter().map(|it| it.encoding_name()).collect::<Vec<_>>(), ["PCMA", "PCMU"]);
    let [traffic] = &scenario.traffic[..] else { panic!("one kind of calls") };
    assert_eq!((traffic.destinations.as_slice(), &traffic.to), (&["9196".to_owned()][..], &None));
    assert_eq!((traffic.length, traffic.hanger), (Length::Fixed(8.0), Hanger::Caller));
}

#[test]
fn the_plainest_answerer_gets_somebody_who_calls_it() {
    let (scenario, told) = imported(ANSWERER, &Wishes::default());
    let [answerer, callers] = &scenario.populations[..] else { panic!("both ends") };
    assert_eq!((answerer.role, callers.role), (Role::Answerer, Role::Caller));
    assert_eq!((answerer.bind.to_string().as_str(), answerer.rings.as_millis()), ("127.0.0.1:5080", 300));
    let traffic = &scenario.traffic[0];
    assert_eq!((traffic.from.as_str(), traffic.to.as_deref()), ("callers", Some("sipp")));
    assert_eq!((traffic.length, traffic.hanger), (Length::Fixed(5.0), Hanger::Caller));
    assert!(has_remark(&told, 0, "too little is heard"), "{:?}", told.remarks);
    let far = Wishes { target: "192.0.2.7:5060".to_owned(), ..Wishes::default() };
    let (_, told) = imported(ANSWERER, &far);
    assert!(has_remark(&told, 0, "to which 192.0.2.7:5060 has no way; give --bind"), "{:?}", told.remarks);
}

#[test]
fn what_happens_in_a_call_happens_at_its_time() {
    let (scenario, told) = imported(TALKER, &Wishes::default());
    let caller = &scenario.populations[0];
    assert_eq!((caller.domain.as_deref(), caller.accounts.user(0).as_str()), (Some("pbx.example"), "desk"));
    assert_eq!(caller.srtp.map(|it| it.profile), Some(SrtpProfile::AeadAes128Gcm));
    let traffic = &scenario.traffic[0];
    assert_eq!(
        (traffic.destinations.as_slice(), traffic.length),
        (&["200".to_owned()][..], Length::Fixed(6.0))
    );
    let digits = |it: &str| Doing::Digits(it.to_owned());
    let expected = [
        (1000_u128, digits("1"), false),
        (1500, digits("2#"), false),
        (2000, Doing::Hold(Duration::from_millis(1500)), false),
        (4000, digits("7"), false),
        (5000, Doing::Transfer("300".to_owned()), false),
    ];
    assert_eq!(steps(traffic), expected);
    for (line, text) in [
        ("<send retrans=\"500\"><![CDATA[", "the header x-colour is not sent"),
        ("<send retrans=\"500\"><![CDATA[", "G729 is not offered"),
        ("pcap/g711a.pcap", "its audio is not played"),
    ] {
        assert!(has_remark(&told, line_of(TALKER, line), text), "{text}: {:?}", told.remarks);
        assert!(told.toml.contains(text), "{}", told.toml);
    }
    let info = line_of(TALKER, "INFO [$target]") - 1;
    assert!(has_remark(&told, info, "as RFC 4733 events"), "{:?}", told.remarks);
}

#[test]
fn chance_makes_kinds_of_calls_and_the_target_none() {
    let (scenario, told) = imported(BRANCHING, &Wishes { rate: 4.0, ..Wishes::default() });
    let caller = &scenario.populations[0];
    let credentials = caller.accounts.credentials(0, std::time::SystemTime::now());
    assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("alice", "hush"));
    assert!(!caller.registers && caller.has_password);
    let [short, long] = &scenario.traffic[..] else { panic!("two ways: {}", told.toml) };
    assert_eq!((short.length, long.length), (Length::Fixed(4.0), Length::Fixed(12.0)));
    assert_eq!((short.arrival.times(1.0), long.arrival.times(1.0)), (constant(3.0), constant(1.0)));
    let pressed = |at: u128| (at, Doing::Digits("5".to_owned()), false);
    for traffic in [short, long] {
        assert_eq!(steps(traffic), [pressed(1000), pressed(2000), pressed(3000)]);
    }
    let busy = line_of(BRANCHING, "next=\"busy\"");
    assert!(has_remark(&told, busy, "to \"busy\", that is not played"), "{:?}", told.remarks);
}

fn constant(rate: f64) -> crate::scenario::Arrival {
    crate::scenario::Arrival::Constant(rate)
}

#[test]
fn lines_of_fields_are_users_and_whom_they_call() {
    let source = Source { file: "it.xml", xml: INJECTED, injection: Some(("it.csv", FIELDS)) };
    let imported = import(&source, &Wishes::default()).unwrap_or_else(|error| panic!("{error}"));
    let scenario = read(&imported);
    let users = &scenario.populations[0];
    let now = std::time::SystemTime::now();
    let accounts: Vec<_> = (0..users.count).map(|at| users.accounts.credentials(at, now)).collect();
    let accounts: Vec<_> = accounts.iter().map(|it| (it.user.as_str(), it.password.as_str())).collect();
    assert_eq!(accounts, [("alice", "hush"), ("bob", "s\\e")]);
    assert!(users.registers);
    let traffic = &scenario.traffic[0];
    assert_eq!(traffic.destinations, ["100", "200"]);
    assert_eq!(traffic.length, Length::Uniform { min: 4.0, max: 6.0 });
    let without = Source { injection: None, ..source };
    let told = import(&without, &Wishes::default()).expect_err("fields of no file").to_string();
    assert!(
        told.contains("[field2] in the Request-URI is not known before the call; give the injection file"),
        "{told}"
    );
}

#[test]
fn what_there_is_no_word_for_is_told_by_line_and_element() {
    const INVITE: &str = "<send><![CDATA[\nINVITE sip:1@h SIP/2.0\n\nm=audio 1 RTP/AVP 0\n]]></send>\n";
    const UP: &str = "<recv response=\"200\"/>\n";
    const BYE: &str = "<send><![CDATA[\nBYE sip:1@h SIP/2.0\n]]></send>\n";
    let in_call = |more: &str| format!("<scenario>\n{INVITE}{UP}{more}{BYE}</scenario>");
    let calls = |more: &str| format!("<scenario>\n{INVITE}{more}</scenario>");
    for (xml, expected) in [
        (in_call("<sendCmd/>"), "it.xml:8: <sendCmd>: speaks with another sipp"),
        (in_call("<nop><action>\n<exec command=\"x\"/></action></nop>"), "it.xml:9: <exec>: runs a command"),
        (
            in_call("<send><![CDATA[\nMESSAGE x SIP/2.0\n]]></send>"),
            "it.xml:8: <send>: agents here send no MESSAGE",
        ),
        (in_call("<pause variable=\"n\"/>"), "it.xml:8: <pause>: lasts as long as $n says"),
        (in_call("<pause milliseconds=\"4000000\"/>"), "it.xml:has calls of 4000 s; an hour is the longest"),
        (
            in_call("<nop next=\"nowhere\"/>"),
            "it.xml:8: <nop>: goes to the label \"nowhere\", which is nowhere",
        ),
        (in_call("<label id=\"a\"/>\n<nop next=\"a\"/>\n"), "is come to again and again; calls have to end"),
        (in_call("<recv request=\"BYE\"/>\n"), "it.xml:8: <recv>: waits for the target to end the call"),
        (in_call("<dance/>"), "it.xml:8: <dance>: is no element that is known here"),
        (calls("<recv response=\"486\"/>\n"), "it.xml:7: <recv>: wants its call to be refused"),
        (calls("<send><![CDATA[\nCANCEL x SIP/2.0\n]]></send>\n"), "it.xml:7: <send>: gives a call up"),
        (calls("<recv response=\"180\"/>\n"), "it.xml:ends before its call is answered"),
        (
            "<scenario><send><![CDATA[\nOPTIONS sip:h SIP/2.0\n]]></send></scenario>".to_owned(),
            "it.xml:1: <send>: agents here send no OPTIONS",
        ),
        (
            INVITE.replace("AVP 0", "AVP 18").replace("<send>", "<scenario><send>") + "</scenario>",
            "it.xml:1: <send>: speaks G729 alone; here are opus, pcmu",
        ),
        (
            "<scenario>\n<recv request=\"OPTIONS\"/>\n</scenario>".to_owned(),
            "it.xml:2: <recv>: waits for OPTIONS out of a call",
        ),
        (
            "<scenario>\n<send><![CDATA[\nREGISTER sip:h SIP/2.0\n]]></send>\n<recv response=\"403\"/>\n</scenario>"
                .to_owned(),
            "it.xml:5: <recv>: wants its registration to be refused",
        ),
        (
            "<scenario>\n<recv request=\"INVITE\"/>\n<recv request=\"PRACK\"/>\n</scenario>".to_owned(),
            "it.xml:3: <recv>: waits for PRACK before it answers",
        ),
        (
            calls(&format!("{UP}{BYE}<recv request=\"INVITE\"/>\n")),
            "it.xml:11: <recv>: waits for a second call",
        ),
        ("<scenario>\n<pause/>\n</scenario>".to_owned(), "it.xml:has no INVITE: registrations, OPTIONS"),
        ("<scenario".to_owned(), "it.xml:1: is no XML: "),
    ] {
        let told = refused(&xml);
        assert!(told.contains(expected), "{told}\nof {xml}");
    }
}

#[test]
fn ways_that_differ_by_what_the_target_says_are_refused_where_they_part() {
    let xml = "<scenario>\n<send><![CDATA[\nINVITE sip:1@h SIP/2.0\n\nm=audio 1 RTP/AVP 0\n]]></send>\n\
               <recv response=\"200\"><action><ereg assign_to=\"vip\"/></action></recv>\n<nop test=\"vip\" next=\"long\"/>\n\
               <pause milliseconds=\"4000\"/>\n<label id=\"bye\"/>\n<send next=\"over\"><![CDATA[\nBYE sip:1@h SIP/2.0\n]]></send>\n\
               <label id=\"long\"/>\n<pause milliseconds=\"9000\"/>\n<nop next=\"bye\"/>\n<label id=\"over\"/>\n</scenario>";
    assert!(
        refused(xml).contains("it.xml:8: <nop>: goes on differently by what the target says"),
        "{}",
        refused(xml)
    );
    // The same where both ways are of one length.
    let same = xml.replace("9000", "4000");
    assert_eq!(imported(&same, &Wishes::default()).0.traffic[0].length, Length::Fixed(4.0));
}

/// A call whose INVITE has these headers, with more in it and after its end.
fn call(headers: &str, in_call: &str, after: &str) -> String {
    format!(
        "<scenario>\n<send><![CDATA[\nINVITE sip:1@h SIP/2.0\n{headers}\n\nm=audio 1 RTP/AVP 0\n]]></send>\n\
         {in_call}\n<send><![CDATA[\nBYE sip:1@h SIP/2.0\n]]></send>\n{after}</scenario>"
    )
}

#[test]
fn what_is_waited_for_after_the_end_is_no_part_of_the_call() {
    let pauses =
        ("<recv response=\"200\"/>\n<pause milliseconds=\"4000\"/>", "<pause milliseconds=\"32000\"/>");
    let (scenario, _) = imported(&call("To: x", pauses.0, pauses.1), &Wishes::default());
    assert_eq!(scenario.traffic[0].length, Length::Fixed(4.0));
}

#[test]
fn what_a_message_sets_that_may_come_is_not_known() {
    let early = "<recv response=\"183\" optional=\"true\"><action>\n<assign assign_to=\"early\" value=\"1\"/>\
                 <exec play_dtmf=\"1\"/></action></recv>\n<recv response=\"200\"/>\n<pause milliseconds=\"4000\"/>";
    let longer = "<nop test=\"early\" next=\"bye\"/>\n<pause milliseconds=\"4000\"/>\n<label id=\"bye\"/>";
    let told = refused(&call("To: x", &format!("{early}\n{longer}"), ""));
    assert!(told.contains("goes on differently by what the target says"), "{told}");
    let (_, told) = imported(&call("To: x", early, ""), &Wishes::default());
    assert!(has_remark(&told, 9, "its message comes or not"), "{:?}", told.remarks);
}

#[test]
fn credentials_by_fields_of_no_file_are_refused() {
    for (words, expected) in [
        (
            "username=alice password=[field1]",
            "[field1] in the password is not known before the call; give the",
        ),
        ("username=[field0] password=hush", "[field0] in the user of the credentials is not known"),
        ("username=u[call_number] password=hush", "[call_number] in the user of the credentials is another"),
    ] {
        let told = refused(&call(&format!("[authentication {words}]"), "<recv response=\"200\"/>", ""));
        assert!(told.contains(expected), "{told}");
    }
    let from = "From: <sip:u[call_number]@h>;tag=1";
    let (scenario, told) = imported(&call(from, "<recv response=\"200\"/>", ""), &Wishes::default());
    assert_eq!(scenario.populations[0].accounts.user(0), "sipp");
    assert!(has_remark(&told, 2, "it is named as its population"), "{:?}", told.remarks);
}

#[test]
fn a_call_that_begins_on_hold_is_told() {
    let xml = call("To: x", "<recv response=\"200\"/>", "").replacen("AVP 0", "AVP 0\na=inactive", 1);
    let (_, told) = imported(&xml, &Wishes::default());
    assert!(has_remark(&told, 2, "begins on hold"), "{:?}", told.remarks);
}

#[test]
fn what_attributes_and_chance_are_cut_by_is_told() {
    let in_call = "<recv response=\"200\" timeout=\"500\" ontimeout=\"late\"/>\n<label id=\"again\"/>\n\
                   <pause milliseconds=\"1000\"/>\n<nop next=\"again\" chance=\"0.9\"/>";
    let xml = call("To: x", in_call, "<label id=\"late\"/>\n").replacen("<send>", "<send lost=\"10\">", 1);
    let (scenario, told) = imported(&xml, &Wishes::default());
    assert_eq!(scenario.traffic.len(), 16);
    for (line, text) in [
        (2, "no message is lost on purpose"),
        (8, "the way to \"late\", where nothing comes in time, is not played"),
        (11, "15 times at most in one call"),
    ] {
        assert!(has_remark(&told, line, text), "{text}: {:?}", told.remarks);
    }
}
