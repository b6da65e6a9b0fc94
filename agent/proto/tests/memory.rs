//! What a hostile message costs: never more memory than the limits say, whatever its size.
//!
//! One test in a process of its own, so that nothing else is measured.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use cwmp_proto::{acs, read, Limits};

const SIZE: usize = 30 * 1024 * 1024;
/// Besides the message itself: one text, one list, and what the allocator does with them.
const MOST: usize = 16 * 1024 * 1024;

const HEAD: &str =
    "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:c='urn:dslforum-org:cwmp-1-2'>";

/// Starts with `start`, then `piece` again and again.
fn endless(start: &str, piece: &str) -> Vec<u8> {
    let mut text = String::with_capacity(SIZE + piece.len());
    text.push_str(HEAD);
    text.push_str(start);
    while text.len() < SIZE {
        text.push_str(piece);
    }
    text.into_bytes()
}

/// Bytes of memory, present and greatest since the last call.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = |name: &str| -> usize {
        let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    };
    let found = (kilobytes("VmRSS") * 1024, kilobytes("VmHWM") * 1024);
    // Makes the greatest the present one.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    found
}

#[test]
fn a_hostile_message_of_30_mb_stays_within_the_limits() {
    let body = "<s:Body><c:GetParameterValues>";
    let value = "<s:Body><c:SetParameterValues><ParameterList><ParameterValueStruct>";
    let cases = [
        ("one text", "<s:Header><c:ID>", "aaaaaaaaaaaaaaaa"),
        ("one text of references", "<s:Header><c:ID>", "&#x41;&amp;"),
        ("one text of CDATA", "<s:Header><c:ID>", "<![CDATA[a]]>"),
        ("names", &format!("{body}<ParameterNames>"), "<string>Device.A</string>"),
        ("empty names", &format!("{body}<ParameterNames>"), "<string/>"),
        (
            "values",
            "<s:Body><c:SetParameterValues><ParameterList>",
            "<ParameterValueStruct><Name>A</Name><Value/></ParameterValueStruct>",
        ),
        ("the same argument", value, "<Name>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</Name>"),
        ("elements inside each other", body, "<a>"),
        ("elements that nobody knows", "<s:Header>", "<a b='c'/>"),
        ("one name", &format!("{body}<a"), "aaaaaaaaaaaaaaaa"),
        ("many attributes", &format!("{body}<a "), " "),
        ("one attribute", &format!("{body}<a b='"), "cccccccc"),
        ("one comment", "<s:Header><!--", " comment"),
        ("many comments", "<s:Header>", "<!-- -->"),
        ("one instruction", "<s:Header><?a ", "bbbbbbbb"),
        ("one declaration of a type", "<!DOCTYPE a [", "<!ENTITY b 'c'>"),
        (
            "parameters in error",
            "<s:Body><s:Fault><detail><c:Fault>",
            "<SetParameterValuesFault><ParameterName>A</ParameterName></SetParameterValuesFault>",
        ),
        ("methods", "<s:Body><c:GetRPCMethodsResponse><MethodList>", "<string>A</string>"),
        (
            "operations",
            "<s:Body><c:ChangeDUState xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>",
            "<Operations i:type='c:UpdateOpStruct'/>",
        ),
    ];
    let mut messages: Vec<_> =
        cases.iter().map(|(name, start, piece)| (*name, endless(start, piece))).collect();
    let mut attributes = format!("{HEAD}{body}<a");
    let mut declarations = attributes.clone();
    let mut number = 0;
    while attributes.len() < SIZE {
        write!(attributes, " a{number}='b'").unwrap();
        write!(declarations, " xmlns:a{number}='b'").unwrap();
        number += 1;
    }
    messages.push(("attributes", (attributes + ">").into_bytes()));
    messages.push(("declarations", (declarations + ">").into_bytes()));
    let limits = Limits { bytes: 64 * 1024 * 1024, ..Limits::default() };
    memory();
    for (name, message) in messages {
        let before = memory().0;
        let start = Instant::now();
        read(&message, limits).expect_err(name);
        acs::read(&message, limits).expect_err(name);
        let took = start.elapsed();
        let grown = memory().1.saturating_sub(before);
        println!("{name}: {} KiB, {took:?}", grown / 1024);
        assert!(grown < MOST, "{name} took {grown} bytes");
        // Linear time: a quadratic reader would need hours.
        assert!(took < Duration::from_secs(60), "{name} took {took:?}");
        let small = read(&message, Limits::default()).unwrap_err();
        assert!(matches!(small, cwmp_proto::ReadError::TooLarge(_)));
    }
}
