//! What is told of rules.

use super::assert_told;

#[test]
fn every_fault_of_rules_names_line_key_value_and_cure() {
    assert_told(&[
        (
            "[[rules]]\nname = \"a\"\n[media]\nshards = 1\n[media]\nshards = 2",
            "w.toml:5: media: duplicate key; take one of them out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"a\" }, ring_timeout_s = 10 }]",
            "rules[0].actions[0]: is a table of more than one key; write ring_timeout_s inside: { bridge = { .., ring_timeout_s = .. } }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ reject = 486 }]",
            "rules[0].actions[0].reject = 486: is none of those that there are; write \"busy\", \"declined\", ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [[\"answer\"]]",
            "rules[0].actions[0] = [\"answer\"]: is none of those that there are; write \"answer\", \"wait_ms\", ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"bridge\"]",
            "rules[0].actions[0] = \"bridge\": does not say what to do with it; write { bridge = { user = \"alice\" } }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = \"announcement\" }]",
            "actions[1].play = \"announcement\": is not a table; write { prompt = \"announcement\" }",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"0(.*)\"\nactions = [{ wait_ms = 5 }, { bridge = { user = \"$2\" } }]",
            "rules[0].actions[1]: rule \"x\": \"$2\" refers at \"$2\" to no group",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { env = \"HA1\" }\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_user = \"alise\"\nactions = [\"answer\"]",
            "rules[0].from_user = \"alise\": no user has a name like this, so the rule never applies; did you mean \"alice\"?",
        ),
        (
            "[[rules]]\nname = \"a\"\n[[rules]]\nname = \"a\"\nname = \"b\"",
            "w.toml:5: rules[1].name: duplicate key; take one of them out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"+49 $1\" } }]",
            "rules[0].actions[0].bridge.number = \"+49 $1\": holds a space, which no number has; take it out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"(\"\nactions = [\"answer\"]",
            "w.toml:3: rules[0].destination = \"(\": rule \"x\": destination is not a usable regular expression",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = []",
            "w.toml:4: rules[0].actions = []: rule \"x\": it has no action; end it with",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"ansr\"]",
            "w.toml:4: rules[0].actions[0] = \"ansr\": is none of those that there are; write \"answer\", \"wait_ms\", \"play\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"echo\"]",
            "\"echo\" needs an answered call; put \"answer\" before it; callers hear something only after the answer",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"bob\" } }]",
            "w.toml:4: rules[0].actions[0].bridge.user = \"bob\": no user has this name; add the user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"$0\" } }]",
            "rules[0].actions[0].bridge.trunk = \"p\": no trunk has this name",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\" } }]",
            "it is not clear whom this bridge calls; give it user, users, group or ring, or trunk or trunks with number",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { who = \"p\" } }]",
            "rules[0].actions[0].bridge.who: unknown field `who`",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompt = \"no.wav\" } }]",
            "rules[0].actions[1].play.prompt = \"no.wav\": no.wav: ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", role = \"whisper\" } }]",
            "rules[0].actions[1]: it is not clear whom this supervisor whispers to; add target",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", target = \"b\" } }]",
            "rules[0].actions[1].conference.target = \"b\": is for whispering only; take it out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", keys = { barge = \"*3\" } } }]",
            "only a supervisor changes its role; take listen, whisper and barge out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", role = \"listen\", keys = { whisper = \"*2\" } } }]",
            "it is not clear whom this supervisor whispers to; add target",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", keys = { mute = \"*6\", louder = \"*6\" } } }]",
            "\"*6\" is the begin of \"*6\", so the two cannot be told apart; write them as they are pressed",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"\" } }]",
            "rule \"x\": a conference needs a room; name one",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ conference = { room = \"a\" } }]",
            "\"conference\" needs an answered call",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { conference = { room = \"a\", gain_db = 20 } }]",
            "a gain of 20 dB is out of range; take -40 to 12; 0 leaves",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_user = \"nobody\"\nactions = [\"answer\"]",
            "w.toml:4: rules[0].from_user = \"nobody\": no user has a name like this, so the rule never applies; add the user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nfrom_trunk = \"pro.*\"\nactions = [\"answer\"]",
            "w.toml:4: rules[0].from_trunk = \"pro.*\": no trunk has a name like this, so the rule never applies; add the trunk",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_groups = [\"sales\"]",
            "rules[0].from_groups[0] = \"sales\": no user is in this group, so the rule never applies; add it to the groups of a user",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_networks = [\"10.0.0.1/8\"]",
            "rules[0].from_networks[0] = \"10.0.0.1/8\": 10.0.0.1/8 has bits set behind its prefix",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nfrom_listeners = [\"outside\"]",
            "rules[0].from_listeners[0] = \"outside\": no listener has this name; write the name of one of [[sip.listeners]] or [[sip_ws",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nheaders = [{ name = \"X-A\", pattern = \"(\" }]",
            "rules[0].headers[0].pattern = \"(\": is no usable regular expression",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nheaders = [{ name = \"authorization\", pattern = \".*\" }]",
            "rules[0].headers[0].name = \"authorization\": is no header that rules see",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { days = [\"monday\"], zone = \"UTC\" }",
            "rules[0].when.days[0] = \"monday\": is no day of the week; write \"mon\" or \"mon-fri\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { hours = [\"8-17\"], zone = \"UTC\" }",
            "rules[0].when.hours[0] = \"8-17\": is no span of hours; write \"08:00-17:30\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { zone = \"Europe/Atlantis\" }",
            "rules[0].when.zone = \"Europe/Atlantis\": is no time zone; write a name such as \"Europe/Berlin\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\"]\nwhen = { days = [\"mon\"] }",
            "rules[0].when: missing field `zone`; add it",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { user = \"$0\", ring_timeout_s = 0 } }]",
            "rules[0].actions[0].bridge.ring_timeout_s = 0: leaves no time to answer; write 1 or more",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { trunk = \"p\", number = \"\" } }]",
            "rules[0].actions[0].bridge.number = \"\": calls no number; write it",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ bridge = { users = [\"a\", \"b\", \"a\"] } }]",
            "rules[0].actions[0].bridge.users[2] = \"a\": is called twice; take one out",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompt = \"/dev/zero\" } }]",
            "rules[0].actions[1].play.prompt = \"/dev/zero\": /dev/zero: it is larger than 256 MiB; ",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0]: there is no folder to record to; add [recording] with a folder",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", begin = \"asked\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0]: nobody can ask for this recording; add keys, or info = true",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", keys = { record = \"*12\", mark = \"*1\" } } }, { reject = \"busy\" }]",
            "\"*1\" is the begin of \"*12\", so the two cannot be told apart; write them as they are pressed",
        ),
        (
            "[recording]\nfolder = \".\"\n[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"wav\", keys = { pause = \"1-2\" } } }, { reject = \"busy\" }]",
            "\"1-2\" is no sequence of 1 to 8 keys of 0-9, *, #, A-D; write them as they are pressed",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [{ record = { format = \"mp3\" } }, { reject = \"busy\" }]",
            "rules[0].actions[0].record.format = \"mp3\": is none of those that there are; write \"wav\" or \"ogg\"",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { repeat = true } }]",
            "rules[0].actions[1]: it is not clear what this plays; give it prompt, or prompts",
        ),
        (
            "[[rules]]\nname = \"x\"\ndestination = \"1\"\nactions = [\"answer\", { play = { prompts = [] } }]",
            "rules[0].actions: rule \"x\": \"play\" needs a prompt; name a file",
        ),
    ]);
}
