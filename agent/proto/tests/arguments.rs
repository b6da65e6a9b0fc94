//! The arguments of each RPC: their lengths, forms and numbers (TR-069 Annex A), and what is answered when they are wrong.

mod samples;

use cwmp_proto::acs::{self, CpeBody};
use cwmp_proto::{read, Body, Context, CpeResponse, Limits, ReadError, Request, SERVED};
use samples::Source;

const CONTEXT: Context<'_> = Context { namespace: 2, id: "9" };

/// The longest text of each argument of the ACS's requests.
const REQUESTS: &[(&str, &[(&str, usize)])] = &[
    ("SetParameterValues", &[("Name", 256), ("ParameterKey", 32)]),
    ("GetParameterValues", &[("string", 256)]),
    ("GetParameterNames", &[("ParameterPath", 256)]),
    ("SetParameterAttributes", &[("Name", 256), ("string", 64)]),
    ("GetParameterAttributes", &[("string", 256)]),
    ("AddObject", &[("ObjectName", 256), ("ParameterKey", 32)]),
    ("DeleteObject", &[("ObjectName", 256), ("ParameterKey", 32)]),
    ("Reboot", &[("CommandKey", 32)]),
    (
        "Download",
        &[
            ("CommandKey", 32),
            ("FileType", 64),
            ("URL", 256),
            ("Username", 256),
            ("Password", 256),
            ("TargetFileName", 256),
            ("SuccessURL", 256),
            ("FailureURL", 256),
        ],
    ),
    ("Upload", &[("CommandKey", 32), ("FileType", 64), ("URL", 256), ("Username", 256), ("Password", 256)]),
    (
        "ScheduleDownload",
        &[
            ("CommandKey", 32),
            ("FileType", 64),
            ("URL", 256),
            ("Username", 256),
            ("Password", 256),
            ("TargetFileName", 256),
            ("WindowMode", 64),
            ("UserMessage", 256),
        ],
    ),
    ("ScheduleInform", &[("CommandKey", 32)]),
    ("CancelTransfer", &[("CommandKey", 32)]),
    (
        "ChangeDUState",
        &[
            ("CommandKey", 32),
            ("URL", 1024),
            ("Username", 256),
            ("Password", 256),
            ("ExecutionEnvRef", 256),
            ("Version", 32),
        ],
    ),
    ("GetOptions", &[("OptionName", 64)]),
];

/// The same for what a device sends.
const FROM_CPE: &[(&str, &[(&str, usize)])] = &[
    (
        "Inform",
        &[
            ("Manufacturer", 64),
            ("ProductClass", 64),
            ("SerialNumber", 64),
            ("EventCode", 64),
            ("CommandKey", 32),
            ("Name", 256),
        ],
    ),
    ("TransferComplete", &[("CommandKey", 32), ("FaultString", 256)]),
    (
        "AutonomousTransferComplete",
        &[
            ("AnnounceURL", 1024),
            ("TransferURL", 1024),
            ("FileType", 64),
            ("TargetFileName", 256),
            ("FaultString", 256),
        ],
    ),
    ("DUStateChangeComplete", &[("Version", 32), ("CommandKey", 32)]),
    ("AutonomousDUStateChangeComplete", &[("Version", 32)]),
    ("RequestDownload", &[("FileType", 64), ("Name", 64), ("Value", 256)]),
    ("Kicked", &[("Command", 32), ("Referer", 64), ("Arg", 256), ("Next", 1024)]),
    ("GetRPCMethodsResponse", &[("string", 64)]),
    ("GetParameterValuesResponse", &[("Name", 256)]),
    ("GetParameterNamesResponse", &[("Name", 256)]),
    ("GetParameterAttributesResponse", &[("Name", 256), ("string", 64)]),
    ("GetQueuedTransfersResponse", &[("CommandKey", 32)]),
    ("GetAllQueuedTransfersResponse", &[("CommandKey", 32), ("FileType", 64), ("TargetFileName", 256)]),
    ("GetOptionsResponse", &[("OptionName", 64)]),
];

/// Content with which every optional argument and every list is there.
fn full() -> Source {
    Source::new(vec!["a".into()], vec![1])
}

fn requests() -> Vec<(String, String)> {
    let text = |r: &Request| String::from_utf8(acs::write_request(CONTEXT, r)).unwrap();
    samples::requests(&mut full()).iter().map(|r| (r.method().to_owned(), text(r))).collect()
}

fn from_cpe() -> Vec<(String, String)> {
    let s = &mut full();
    let mut all = vec![("Inform".to_owned(), cwmp_proto::write_inform(CONTEXT, &samples::inform(s), "1.4"))];
    let requests = samples::cpe_requests(s);
    all.extend(requests.iter().map(|r| (r.method().to_owned(), cwmp_proto::write_request(CONTEXT, r))));
    let responses = samples::cpe_responses(s);
    let name = |r: &CpeResponse| format!("{}Response", r.method());
    all.extend(responses.iter().map(|r| (name(r), cwmp_proto::write_response(CONTEXT, r))));
    all.into_iter().map(|(name, message)| (name, String::from_utf8(message).unwrap())).collect()
}

/// The message with another content of its first element `name`.
fn with(message: &str, name: &str, content: &str) -> String {
    let open = message.find(&format!("<{name}>")).or_else(|| message.find(&format!("<{name} ")));
    let open = open.unwrap_or_else(|| panic!("there is no {name} in {message}"));
    let start = open + message[open..].find('>').unwrap() + 1;
    let end = start + message[start..].find(&format!("</{name}>")).unwrap();
    format!("{}{content}{}", &message[..start], &message[end..])
}

fn without(message: &str, name: &str) -> String {
    let marked = with(message, name, "!");
    let start = marked.find(&format!("<{name}")).unwrap();
    let end = marked.find(&format!("</{name}>")).unwrap() + name.len() + 3;
    format!("{}{}", &marked[..start], &marked[end..])
}

/// What an ACS is told: 0 for no fault.
fn code(message: &str) -> u16 {
    match read(message.as_bytes(), Limits::default()) {
        Ok(_) => 0,
        Err(ReadError::Argument { id, fault, .. }) => {
            assert_eq!(id.as_deref(), Some(CONTEXT.id));
            fault.code.number()
        }
        Err(ReadError::UnknownMethod { id, .. }) => {
            assert_eq!(id.as_deref(), Some(CONTEXT.id));
            9000
        }
        Err(other) => panic!("{message}: {other}"),
    }
}

/// The fault for wrong arguments of a method: 9003, but 9000 if we do not serve it (C98).
fn refusal(method: &str) -> u16 {
    if SERVED.contains(&method) {
        9003
    } else {
        9000
    }
}

/// A text of so many characters, each of two bytes, in the form that the argument needs.
fn long(name: &str, length: usize) -> String {
    match name {
        "FileType" | "WindowMode" | "EventCode" => format!("9 {}", "\u{e4}".repeat(length - 2)),
        _ => "\u{e4}".repeat(length),
    }
}

/// C98: and an argument that is too long of a method that we do not serve is 9000 all the same, not 9003.
#[test]
fn a_text_argument_has_at_most_the_length_of_the_standard() {
    let mut messages = requests();
    messages.retain(|(_, message)| message.contains("</"));
    for (method, arguments) in REQUESTS {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        for (name, most) in *arguments {
            assert_eq!(code(&with(message, name, &long(name, *most))), 0, "{method} {name}");
            let over = code(&with(message, name, &long(name, most + 1)));
            assert_eq!(over, refusal(method), "{method} {name}");
        }
    }
}

#[test]
fn the_texts_of_a_device_have_at_most_the_length_of_the_standard() {
    let messages = from_cpe();
    for (method, arguments) in FROM_CPE {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        for (name, most) in *arguments {
            let result =
                |length| acs::read(with(message, name, &long(name, length)).as_bytes(), Limits::default());
            result(*most).unwrap_or_else(|e| panic!("{method} {name}: {e}"));
            let error = result(most + 1).expect_err(&format!("{method} {name}"));
            let response = matches!(error, ReadError::Response { .. });
            assert!(response || matches!(error, ReadError::Argument { .. }), "{method} {name}: {error}");
            assert_eq!(response, method.ends_with("Response"));
        }
    }
}

#[test]
fn what_is_too_long_for_the_schema_is_cut_when_it_is_written() {
    let request = Request::Reboot { command_key: "\u{e4}".repeat(40) };
    let message = read(&acs::write_request(CONTEXT, &request), Limits::default()).unwrap();
    assert_eq!(message.body, Body::Request(Request::Reboot { command_key: "\u{e4}".repeat(32) }));
}

/// Each argument of the first level must be there, but for the one that the standard lets go.
#[test]
fn an_argument_that_is_missing_is_refused() {
    let arguments: &[(&str, &[&str])] = &[
        ("SetParameterValues", &["ParameterList", "ParameterKey", "Name", "Value"]),
        ("GetParameterValues", &["ParameterNames"]),
        ("GetParameterNames", &["ParameterPath", "NextLevel"]),
        ("SetParameterAttributes", &["ParameterList", "Name"]),
        ("GetParameterAttributes", &["ParameterNames"]),
        ("AddObject", &["ObjectName", "ParameterKey"]),
        ("DeleteObject", &["ObjectName", "ParameterKey"]),
        ("Reboot", &["CommandKey"]),
        (
            "Download",
            &[
                "CommandKey",
                "FileType",
                "URL",
                "Username",
                "Password",
                "FileSize",
                "TargetFileName",
                "DelaySeconds",
                "SuccessURL",
                "FailureURL",
            ],
        ),
        ("Upload", &["CommandKey", "FileType", "URL", "Username", "Password", "DelaySeconds"]),
        (
            "ScheduleDownload",
            &[
                "CommandKey",
                "FileType",
                "URL",
                "Username",
                "Password",
                "FileSize",
                "TargetFileName",
                "TimeWindowList",
                "WindowStart",
                "WindowEnd",
                "WindowMode",
                "UserMessage",
                "MaxRetries",
            ],
        ),
        ("ScheduleInform", &["DelaySeconds", "CommandKey"]),
        ("CancelTransfer", &["CommandKey"]),
        ("ChangeDUState", &["URL"]),
        ("SetVouchers", &["VoucherList", "base64"]),
        ("GetOptions", &["OptionName"]),
    ];
    let messages = requests();
    for (method, names) in arguments {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        for name in *names {
            let mut message = message.clone();
            // All members of a list must go before it is too short.
            while message.contains(&format!("<{name}")) && *name == "base64" {
                message = without(&message, name);
            }
            if *name != "base64" {
                message = without(&message, name);
            }
            assert_eq!(code(&message), refusal(method), "{method} {name}");
        }
    }
    let (_, change) = messages.iter().find(|(m, _)| m == "ChangeDUState").unwrap();
    for name in ["CommandKey", "UUID", "Username", "Password", "ExecutionEnvRef"] {
        assert_eq!(code(&without(change, name)), 0, "{name}");
    }
    // Some ACSs send it empty when the device is to choose.
    assert_eq!(code(&with(change, "UUID", "")), 0);
}

#[test]
fn an_argument_that_nobody_knows_is_refused() {
    for (method, message) in requests() {
        let element = format!("<cwmp:{method}");
        let at = message.find(&element).unwrap() + element.len();
        let message = match message[at..].strip_prefix("/>") {
            Some(rest) => format!("{}><Zeal/></cwmp:{method}>{rest}", &message[..at]),
            None => format!("{}><Zeal/>{}", &message[..at], &message[at + 1..]),
        };
        assert_eq!(code(&message), refusal(&method), "{method}");
    }
}

/// C100, C101: the lexical forms of XML Schema, with white space around them.
#[test]
fn numbers_and_booleans_have_the_forms_of_xml_schema() {
    let messages = requests();
    let check = |method: &str, name: &str, good: &[&str], bad: &[&str]| {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        for content in good {
            assert_eq!(code(&with(message, name, content)), 0, "{method} {name} {content}");
        }
        for content in bad {
            assert_eq!(code(&with(message, name, content)), refusal(method), "{method} {name} {content}");
        }
    };
    let numbers: &[&str] = &["0", " 7\r\n", "+007", "4294967295", "-0"];
    let no_numbers: &[&str] = &["", "-1", "4294967296", "1.0", "1e3", "0x1", "1 2"];
    check("Download", "FileSize", numbers, no_numbers);
    check("Download", "DelaySeconds", numbers, no_numbers);
    check("Upload", "DelaySeconds", numbers, no_numbers);
    check("ScheduleInform", "DelaySeconds", numbers, no_numbers);
    check("ScheduleDownload", "WindowStart", numbers, no_numbers);
    let signed: &[&str] = &["-1", "+3", "2147483647", "-2147483648"];
    check("ScheduleDownload", "MaxRetries", signed, &["", "2147483648", "many"]);
    let yes = &["0", "1", "true", " false\n"];
    check("GetParameterNames", "NextLevel", yes, &["", "yes", "TRUE", "2"]);
    check("SetParameterAttributes", "NotificationChange", yes, &["", "on"]);
    check("SetParameterAttributes", "Notification", &["0", " 2 ", "+1"], &["", "-1", "a"]);
    let files = &["1 Firmware Upgrade Image", " 2 Web Content ", "10 a", "X 00AABB A b", "X ACME_ORG a"];
    check(
        "Download",
        "FileType",
        files,
        &["", "Firmware", "0 a", "1", "1 ", "1  a", "X", "X 00AABB", "X  a b"],
    );
    let uuid = "00000000-0000-4000-8000-00000000000";
    check("ChangeDUState", "UUID", &[&format!("{uuid}f")], &[uuid, "x", &format!("{uuid}g")]);
    check("SetVouchers", "base64", &["", "AA==", " AAEC\n"], &["A", "A=B=", "@@@@"]);
}

/// The lists with a least or greatest number of members.
#[test]
fn a_list_has_as_many_members_as_the_standard_allows() {
    let messages = requests();
    let list = |method: &str, name: &str, member: &str, count: usize| {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        let start = message.find(&format!("<{member}>")).unwrap();
        let end = start + message[start..].find(&format!("</{member}>")).unwrap() + member.len() + 3;
        code(&with(message, name, &message[start..end].repeat(count)))
    };
    let windows = [0, 1, 2, 3].map(|n| list("ScheduleDownload", "TimeWindowList", "TimeWindowStruct", n));
    assert_eq!(windows, [9000, 0, 0, 9000]);
    assert_eq!([0, 1, 50].map(|n| list("SetVouchers", "VoucherList", "base64", n)), [9000, 0, 0]);
    assert_eq!(
        [0, 1, 50].map(|n| list("SetParameterValues", "ParameterList", "ParameterValueStruct", n)),
        [0; 3]
    );
    let messages = from_cpe();
    let list = |method: &str, name: &str, member: &str, count: usize| {
        let (_, message) = messages.iter().find(|(m, _)| m == method).unwrap();
        let start = message.find(&format!("<{member}>")).unwrap();
        let end = start + message[start..].find(&format!("</{member}>")).unwrap() + member.len() + 3;
        let message = with(message, name, &message[start..end].repeat(count));
        acs::read(message.as_bytes(), Limits::default()).is_ok()
    };
    for (method, name, member, most) in [
        ("Inform", "Event", "EventStruct", 64),
        ("GetQueuedTransfersResponse", "TransferList", "QueuedTransferStruct", 16),
        ("GetAllQueuedTransfersResponse", "TransferList", "AllQueuedTransferStruct", 16),
        ("RequestDownload", "FileTypeArg", "ArgStruct", 16),
    ] {
        assert!(list(method, name, member, 0) && list(method, name, member, most), "{method}");
        assert!(!list(method, name, member, most + 1), "{method}");
    }
}

/// C13: a response may have what we do not know; one that cannot be used is never answered.
#[test]
fn a_response_of_the_acs_is_read_leniently_and_never_answered() {
    for response in samples::responses(&mut full()) {
        let name = format!("{}Response", response.method());
        let text = String::from_utf8(acs::write_response(CONTEXT, &response)).unwrap();
        let element = format!("<cwmp:{name}");
        let at = text.find(&element).unwrap() + element.len();
        let more = match text[at..].strip_prefix("/>") {
            Some(rest) => format!("{}><New><a/></New></cwmp:{name}>{rest}", &text[..at]),
            None => format!("{}><New><a/></New>{}", &text[..at], &text[at + 1..]),
        };
        let message = read(more.as_bytes(), Limits::default()).unwrap();
        assert_eq!(message.body, Body::Response(response), "{more}");
    }
    let kicked = "<cwmp:KickedResponse></cwmp:KickedResponse>";
    let text = String::from_utf8(acs::write_inform_response(CONTEXT, None)).unwrap();
    let start = text.find("<cwmp:InformResponse>").unwrap();
    let text = format!("{}{kicked}</soap-env:Body></soap-env:Envelope>", &text[..start]);
    let error = read(text.as_bytes(), Limits::default()).unwrap_err();
    assert!(matches!(error, ReadError::Response { method: "Kicked", .. }), "{error}");
}

/// C98: our own methods are unknown when they come from the ACS, and the ACS's when they come from a device.
#[test]
fn a_method_of_the_other_direction_is_unknown() {
    for request in samples::cpe_requests(&mut full()).iter().filter(|r| r.method() != "GetRPCMethods") {
        let text = String::from_utf8(cwmp_proto::write_request(CONTEXT, request)).unwrap();
        assert_eq!(code(&text), 9000, "{}", request.method());
    }
    // A response is never answered, so it is no unknown method.
    let strange = cwmp_proto::write_response(CONTEXT, &CpeResponse::Reboot);
    assert!(matches!(read(&strange, Limits::default()), Err(ReadError::Envelope(_))));
    let reboot = acs::write_request(CONTEXT, &Request::Reboot { command_key: String::new() });
    let error = acs::read(&reboot, Limits::default()).unwrap_err();
    assert!(matches!(error, ReadError::UnknownMethod { .. }));
    let methods = acs::read(&acs::write_request(CONTEXT, &Request::GetRpcMethods), Limits::default());
    assert!(matches!(methods.unwrap().body, CpeBody::Request(_)));
}
