//! What is told of users and trunks.

use super::assert_told;

#[test]
fn every_fault_of_users_and_trunks_names_line_key_value_and_cure() {
    assert_told(&[
        ("[users]\nname = \"a\"", "w.toml:1: users: is not a list; write [[users]]"),
        (
            "[users]\nname = \"a\"\n[users]\nname = \"b\"",
            "w.toml:3: users: duplicate key; write [[users]], each time",
        ),
        (
            "[api_keys]\nid = \"a\"\n[api_keys]\nid = \"b\"",
            "w.toml:3: api_keys: duplicate key; write [[api_keys]], each time",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nnetworks = \"1.2.3.4\"",
            "trunks[0].networks = \"1.2.3.4\": is not a list; write [\"1.2.3.4\"]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nregister = true",
            "trunks[0].register = true: is not a list; write [{ user = \"4930123456\" }]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nsrtp = true",
            "trunks[0].srtp = true: is none of those that there are; write \"",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nregister = [{ user = \"100\" }]",
            "w.toml:4: trunks[0].register[0].user = \"100\": nothing answers the registrar's challenge; add credentials",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\nprobe_s = 0",
            "w.toml:4: trunks[0].probe_s = 0: is out of range; write 1 to 3600 seconds",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\ncertificate_name = \"sbc.test\"",
            "w.toml:4: trunks[0].certificate_name = \"sbc.test\": nobody is asked for a certificate; add client_authorities to [tls]",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\ncertificate_name = \"sbc.test\"\nuser = \"alice\"",
            "w.toml:5: trunks[0].user = \"alice\": is for trunks without certificate_name; take out user, or certificate_name",
        ),
        (
            "[[trunks]]\nname = \"t\"\nhost = \"h\"\npage_accounts = true\ncredentials = { user = \"1\", password = { env = \"HA1\" } }",
            "w.toml:4: trunks[0].page_accounts = true: is for trunks without credentials of the gateway; leave",
        ),
        (
            "[[users]]\nname = \"alice\"\npassword = \"x\"",
            "w.toml:3: users[0].password: unknown field `password`",
        ),
        (
            "[[users]]\nname = \"a\"\nha1_md5 = { env = \"HA1\" }\nupstream = [{ trunk = \"t\", user = \"1\", credentials = { user = \"1\", password = \"p\" } }]",
            "w.toml:4: users[0].upstream[0].trunk = \"t\": no trunk has this name; add it to [[trunks]]",
        ),
        (
            "[[users]]\nname = \"a b\"\nha1_md5 = { env = \"HA1\" }",
            "w.toml:2: users[0].name = \"a b\": is no user name; use 1 to 64 letters",
        ),
        (
            "[[users]]\nname = \"alice\"",
            "w.toml:2: users[0].name = \"alice\": user \"alice\" has no password; add the lines that `webtrunk password` prints",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = \"secret\"",
            "w.toml:3: users[0].ha1_md5: is no MD5 hash in hexadecimal digits; take the line",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { env = \"NONE\" }",
            "w.toml:3: users[0].ha1_md5: the environment has no variable \"NONE\"; set it",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { file = \"no\" }",
            "w.toml:3: users[0].ha1_md5: no cannot be read: ",
        ),
        (
            "[[users]]\nname = \"alice\"\nha1_md5 = { file = \"a\", env = \"b\" }",
            "w.toml:3: users[0].ha1_md5: a secret is kept in a file or in the environment, in one place; keep file or env",
        ),
        ("[[users]]\nname = \"alice\"\nha1_md5 = { fil = \"a\" }", "users[0].ha1_md5.fil"),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"sip:p.example\"",
            "w.toml:3: trunks[0].host = \"sip:p.example\": is no host",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"",
            "w.toml:2: trunks[0].name = \"p\": no listener can call it over UDP; add one to [[sip.listeners]]",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ntransport = \"wss\"",
            "trunks are not called over WebSocket",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ncodecs = [\"G729\"]",
            "w.toml:4: trunks[0].codecs[0] = \"G729\": is no codec of ours; use one of opus, G722, PCMU, PCMA, L16/16000, L16/48000, L16/8000",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\ncodecs = []",
            "w.toml:4: trunks[0].codecs = []: names no codec",
        ),
        (
            "[[trunks]]\nname = \"p\"\nhost = \"p.example\"\nport = 0",
            "w.toml:4: trunks[0].port = 0: is not a whole number from 1 to 65535",
        ),
        (
            "[[users]]\nname = \"a\"\nha1_md5 = { file = \"/dev/zero\" }",
            "w.toml:3: users[0].ha1_md5: /dev/zero ",
        ),
    ]);
}
