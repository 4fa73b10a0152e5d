"""What is done with whom: for each peer and cell the tests below `gateway/tests/calls`, or why there is none."""

CELLS = (
    "register", "call to the peer", "call from the peer", "hold", "blind transfer", "attended transfer", "DTMF",
    "90 s, refreshed by us", "90 s, refreshed by the peer", "early media", "cancel", "TLS + SDES", "IPv6",
)

PEERS = {
    "JsSIP": "in Chromium, over WebSocket, WebRTC media",
    "SIP.js": "in Chromium, over WebSocket, WebRTC media",
    "baresip": "over UDP or TLS",
    "sipp": "over UDP, by scenarios of ours",
    "linphone": "linphonec, over UDP or TLS",
    "Kamailio, registrar": "the gateway and a phone of ours register at it",
    "Kamailio, proxy": "on the way to a phone of ours, by Record-Route",
    "Kamailio, edge": "before the gateway, where a phone of ours registers through it by TCP (RFC 5626 5)",
    "second Webtrunk": "the gateway registers at it; a phone of ours is behind it",
}


class Reason(str):
    """Why a cell does not apply."""


class Noted(list):
    """The tests of a cell that holds in part, and what part."""

    def __init__(self, tests, note):
        super().__init__(tests)
        self.note = Reason(note)



PAGE = Reason("a page's media are keyed by DTLS-SRTP; over secure WebSocket see `over_secure_websocket_the_echo_is_heard`")
NO_TIMERS = Reason("it knows no session timers (RFC 4028)")
BARESIP_ATTENDED = Reason("baresip 1.0 has no attended transfer")
SIPP_TLS = Reason("Debian's sipp is built without TLS, and has no SRTP")
NO_ACCOUNT = Reason("nobody registers: calls are let through by their addresses")
AS_PROXY = Reason("it passes on what is said in a call as the proxy does")

BROWSER = "browser_sipp"
LIN = "interop::linphone_calls"
BARESIP = "interop::baresip_calls"
EDGE = "interop::edge"

MATRIX = {
    "JsSIP": {
        "register": ["browser_calls_baresip::tones_keep_their_level_between_jssip_and_baresip_in_pcma"],
        "call to the peer": ["phone_calls_browser::sipp_calls_a_browser_in_pcmu"],
        "call from the peer": ["browser_calls_sipp::jssip_hears_and_is_heard_in_pcmu"],
        "hold": [f"{BROWSER}::hold::from_the_page", f"{BROWSER}::hold::from_the_phone"],
        "blind transfer": ["transfers::blind::a_page_transfers_a_phone_to_another_page"],
        "attended transfer": ["transfers::attended::a_page_puts_a_phone_through_to_another_page"],
        "DTMF": [f"{BROWSER}::digits::from_the_page_in_media", f"{BROWSER}::digits::from_the_phone_in_media"],
        "90 s, refreshed by us": [f"{BROWSER}::refreshed::a_page_with_jssip_for_90_seconds"],
        "90 s, refreshed by the peer": [
            f"{BROWSER}::refreshed::a_page_with_jssip_that_refreshes_its_call_itself_keeps_it"
        ],
        "early media": [f"{BROWSER}::given_up::jssip_hears_early_media_and_gives_up"],
        "cancel": [f"{BROWSER}::given_up::jssip_hears_early_media_and_gives_up"],
        "TLS + SDES": PAGE,
        "IPv6": ["browser_ipv6::a_page_without_ipv4_hears_the_echo"],
    },
    "SIP.js": {
        "register": ["browser_calls_baresip::tones_keep_their_level_between_sipjs_and_baresip_in_pcmu"],
        "call to the peer": ["phone_calls_browser::sipp_calls_a_browser_with_sipjs"],
        "call from the peer": ["browser_calls_sipp::sipjs_hears_and_is_heard_in_pcmu"],
        "hold": [f"{BROWSER}::hold::from_a_page_with_sipjs"],
        "blind transfer": ["transfers::blind::a_page_transfers_a_phone_to_another_page"],
        "attended transfer": ["transfers::attended::a_page_puts_a_phone_through_to_another_that_it_asked_before"],
        "DTMF": [f"{BROWSER}::digits::from_a_page_with_sipjs_either_way", f"{BROWSER}::digits::from_the_phone_to_a_page_with_sipjs"],
        "90 s, refreshed by us": [f"{BROWSER}::refreshed::a_page_with_sipjs_for_90_seconds"],
        "90 s, refreshed by the peer": NO_TIMERS,
        "early media": [f"{BROWSER}::given_up::sipjs_hears_early_media_and_gives_up"],
        "cancel": [f"{BROWSER}::given_up::sipjs_gives_up_while_it_rings"],
        "TLS + SDES": PAGE,
        "IPv6": ["browser_ipv6::a_page_without_ipv4_hears_the_echo"],
    },
    "baresip": {
        "register": ["sip::registered_phone::baresip_is_called_and_both_hear_each_other"],
        "call to the peer": ["sip::registered_phone::baresip_is_called_and_both_hear_each_other"],
        "call from the peer": ["phone_calls_browser::baresip_calls_a_browser"],
        "hold": [f"{BARESIP}::baresip_holds_and_is_held"],
        "blind transfer": [f"{BARESIP}::baresip_transfers_its_call"],
        "attended transfer": BARESIP_ATTENDED,
        "DTMF": [f"{BARESIP}::baresip_presses_keys_and_hears_them"],
        "90 s, refreshed by us": [f"{BARESIP}::baresip_is_refreshed_in_a_call_of_90_seconds"],
        "90 s, refreshed by the peer": NO_TIMERS,
        "early media": [f"{BARESIP}::baresip_hears_early_media_and_gives_up"],
        "cancel": [f"{BARESIP}::baresip_hears_early_media_and_gives_up"],
        "TLS + SDES": [f"{BARESIP}::baresip_speaks_tls_and_srtp"],
        "IPv6": [f"{BARESIP}::baresip_hears_the_echo_over_ipv6"],
    },
    "sipp": {
        "register": ["sip::registered_phone::sipp_registers_is_called_and_both_hear_each_other"],
        "call to the peer": ["sip::audio::one_law_is_passed_through"],
        "call from the peer": ["sip::audio::two_laws_are_transcoded"],
        "hold": [f"{BROWSER}::hold::from_the_phone", f"{BROWSER}::hold::from_the_phone_without_sound"],
        "blind transfer": ["transfers::blind::a_phone_at_a_trunk_transfers_where_that_is_configured"],
        "attended transfer": [
            "transfers::attended::a_phone_at_a_trunk_puts_a_page_through_to_another_where_that_is_configured"
        ],
        "DTMF": [f"{BROWSER}::digits::from_the_phone_in_media", f"{BROWSER}::digits::from_the_phone_in_signalling"],
        "90 s, refreshed by us": ["sip::session_timers::we_refresh_a_whole_interval_of_90_seconds_by_update"],
        "90 s, refreshed by the peer": ["sip::session_timers::phones_refresh_a_whole_interval_of_90_seconds"],
        "early media": ["sip::early_media::is_heard_before_the_answer_and_both_are_after_it"],
        "cancel": ["sip::cancelled::while_it_rings", "sip::cancelled::while_early_media_is_heard"],
        "TLS + SDES": SIPP_TLS,
        "IPv6": ["sip::ipv6::two_phones_hear_each_other"],
    },
    "linphone": {
        "register": [f"{LIN}::it_registers_is_called_and_both_hear_each_other"],
        "call to the peer": [f"{LIN}::it_registers_is_called_and_both_hear_each_other"],
        "call from the peer": [f"{LIN}::it_calls_and_both_hear_each_other"],
        "hold": [f"{LIN}::it_holds_and_is_held"],
        "blind transfer": [f"{LIN}::it_transfers_its_call"],
        "attended transfer": [f"{LIN}::it_puts_through_whom_it_talks_with"],
        "DTMF": [f"{LIN}::it_presses_keys_and_hears_them"],
        "90 s, refreshed by us": [f"{LIN}::it_is_refreshed_in_a_call_of_90_seconds"],
        "90 s, refreshed by the peer": [f"{LIN}::it_refreshes_a_call_of_90_seconds"],
        "early media": [f"{LIN}::it_hears_early_media_and_gives_up"],
        "cancel": [f"{LIN}::it_hears_early_media_and_gives_up"],
        "TLS + SDES": [f"{LIN}::it_speaks_tls_and_srtp", f"{LIN}::it_is_called_over_tls_and_srtp"],
        "IPv6": [f"{LIN}::it_hears_the_echo_over_ipv6"],
    },
    "Kamailio, edge": dict.fromkeys(CELLS, AS_PROXY) | {
        "register": [f"{EDGE}::a_phone_behind_an_edge_is_called_by_the_token_of_its_flow_and_calls"],
        "call to the peer": [
            f"{EDGE}::a_phone_behind_an_edge_is_called_by_the_token_of_its_flow_and_calls",
            f"{EDGE}::a_phone_whose_one_flow_has_closed_at_the_edge_rings_by_the_other_and_without_both_is_out_of_reach",
        ],
        "call from the peer": [f"{EDGE}::a_phone_behind_an_edge_is_called_by_the_token_of_its_flow_and_calls"],
        "hold": [f"{EDGE}::a_phone_behind_an_edge_is_called_by_the_token_of_its_flow_and_calls"],
    },
}


def through(name, **others):
    """The cells of a server between the gateway and a phone of ours."""
    tests = {
        "register": "calls_go_out_and_come_in",
        "call to the peer": "calls_go_out_and_come_in",
        "call from the peer": "calls_go_out_and_come_in",
        "hold": "both_sides_hold_and_resume",
        "blind transfer": "the_phone_behind_it_transfers",
        "attended transfer": "the_phone_behind_it_puts_through",
        "DTMF": "keys_go_both_ways",
        "90 s, refreshed by us": "a_call_of_90_seconds_is_refreshed",
        "90 s, refreshed by the peer": "a_call_of_90_seconds_is_refreshed_from_behind",
        "early media": "early_media_is_heard_and_the_call_is_cancelled",
        "cancel": "early_media_is_heard_and_the_call_is_cancelled",
        "TLS + SDES": "calls_are_secure",
        "IPv6": "calls_go_over_ipv6",
    }
    return {cell: [f"interop::cells::{name}::{test}"] for cell, test in tests.items()} | others


BEHIND = "by the phone behind it: a proxy refreshes nothing"

MATRIX["Kamailio, registrar"] = through("registrar")
MATRIX["Kamailio, proxy"] = through("proxy", register=NO_ACCOUNT)
MATRIX["second Webtrunk"] = through("webtrunk")
for peer in ("Kamailio, registrar", "Kamailio, proxy"):
    MATRIX[peer]["90 s, refreshed by the peer"] = Noted(MATRIX[peer]["90 s, refreshed by the peer"], BEHIND)
