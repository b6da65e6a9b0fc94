//! A tiny CPE over a plain socket, as good or as bad as a test wants it.
#![allow(dead_code)] // each test file uses its part

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;

use cwmp_acs::{Acs, CpeResponse, Event, Inform, Request, TransferAnswer, Value};
use cwmp_model::{Fault, FaultCode, ValueType};
use cwmp_proto::{Body, Context, Limits, ParameterNames, ParameterValues};

/// A CPE with one connection.
pub(crate) struct Cpe {
    pub(crate) stream: Option<TcpStream>,
    address: String,
    pub(crate) target: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether a Content-Length is sent.
    pub(crate) length: bool,
    /// What was read after a reply.
    left: Vec<u8>,
    ids: u32,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Runs a CPE beside the test.
pub(crate) fn spawn(acs: &Acs, script: impl FnOnce(&mut Cpe) + Send + 'static) -> JoinHandle<()> {
    let mut cpe = Cpe::new(&acs.url());
    std::thread::spawn(move || script(&mut cpe))
}

impl Cpe {
    pub(crate) fn new(url: &str) -> Self {
        let rest = url.split_once("://").unwrap().1;
        let (address, path) = rest.split_once('/').unwrap();
        Self {
            stream: None,
            address: address.to_owned(),
            target: format!("/{path}"),
            cookies: BTreeMap::new(),
            authorization: None,
            headers: Vec::new(),
            length: true,
            left: Vec::new(),
            ids: 0,
        }
    }

    pub(crate) fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a POST and reads its reply; `None` when the connection ends instead.
    pub(crate) fn try_post(&mut self, body: &[u8]) -> Option<Answer> {
        self.send(body);
        self.read()
    }

    pub(crate) fn post(&mut self, body: &[u8]) -> Answer {
        self.try_post(body).expect("a reply")
    }

    pub(crate) fn send(&mut self, body: &[u8]) {
        let all = self.message(body);
        self.write(&all);
    }

    /// The bytes of a POST.
    pub(crate) fn message(&self, body: &[u8]) -> Vec<u8> {
        let mut head = format!("POST {} HTTP/1.1\r\nHost: {}\r\n", self.target, self.address);
        if self.length {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        } else {
            head.push_str("Transfer-Encoding: chunked\r\n");
        }
        if !body.is_empty() {
            head.push_str("Content-Type: text/xml; charset=utf-8\r\nSOAPAction:\r\n");
        }
        if !self.cookies.is_empty() {
            let all: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let _ = write!(head, "Cookie: {}\r\n", all.join("; "));
        }
        if let Some(authorization) = &self.authorization {
            let _ = write!(head, "Authorization: {authorization}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut all = head.into_bytes();
        if self.length {
            all.extend_from_slice(body);
        } else {
            all.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
            all.extend_from_slice(body);
            all.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        all
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let address = &self.address;
        let stream = self.stream.get_or_insert_with(|| TcpStream::connect(address).unwrap());
        // What cannot be written is noticed by the read.
        let _ = stream.write_all(bytes);
    }

    pub(crate) fn read(&mut self) -> Option<Answer> {
        let stream = self.stream.as_mut()?;
        let mut raw = std::mem::take(&mut self.left);
        let end = loop {
            if let Some(at) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece) {
                Ok(n) if n > 0 => raw.extend_from_slice(&piece[..n]),
                _ => {
                    self.stream = None;
                    return None;
                }
            }
        };
        let mut body = raw.split_off(end);
        let head = String::from_utf8(raw).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("Transfer-Encoding").is_some() {
            while !body.ends_with(b"0\r\n\r\n") {
                let mut piece = [0; 4096];
                match stream.read(&mut piece) {
                    Ok(n) if n > 0 => body.extend_from_slice(&piece[..n]),
                    _ => return None,
                }
            }
            let chunks = std::mem::take(&mut body);
            let mut rest = chunks.as_slice();
            loop {
                let at = rest.windows(2).position(|w| w == b"\r\n").unwrap();
                let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
                if size == 0 {
                    break;
                }
                body.extend_from_slice(&rest[at + 2..at + 2 + size]);
                rest = &rest[at + 4 + size..];
            }
        } else if let Some(length) = answer.header("Content-Length") {
            let length: usize = length.parse().unwrap();
            let have = body.len();
            body.resize(length.max(have), 0);
            if have < length && stream.read_exact(&mut body[have..]).is_err() {
                self.stream = None;
                return None;
            }
        } else {
            self.left = std::mem::take(&mut body);
        }
        answer.body = body;
        for (name, value) in &answer.headers {
            if name == "Set-Cookie" {
                let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if answer.header("Connection") == Some("close") {
            self.stream = None;
        }
        Some(answer)
    }

    /// A fresh `cwmp:ID`.
    pub(crate) fn id(&mut self) -> String {
        self.ids += 1;
        format!("cpe{}", self.ids)
    }

    /// An Inform as it should be.
    pub(crate) fn inform(&mut self, events: &[&str]) -> Vec<u8> {
        let inform = Inform {
            manufacturer: "Example".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: "1234".to_owned(),
            events: events
                .iter()
                .map(|e| Event { code: (*e).to_owned(), command_key: String::new() })
                .collect(),
            current_time: "2026-01-01T00:00:00Z".to_owned(),
            retry_count: 0,
            parameters: vec![
                ("Device.RootDataModelVersion".to_owned(), Value::string("2.19")),
                ("Device.DeviceInfo.SoftwareVersion".to_owned(), Value::string("1.0")),
            ],
        };
        let id = self.id();
        cwmp_proto::write_inform(Context { namespace: 2, id: &id }, &inform, "1.0,1.1,1.2,1.3,1.4")
    }

    /// A session as it should be: the Inform, an empty POST, and an answer to each request until the ACS has none.
    pub(crate) fn session(&mut self, events: &[&str]) {
        let inform = self.inform(events);
        assert_eq!(self.post(&inform).status, 200);
        self.serve(b"".to_vec());
    }

    /// Sends this POST, and answers requests until an empty reply; then closes.
    pub(crate) fn serve(&mut self, mut body: Vec<u8>) {
        loop {
            let answer = self.post(&body);
            if answer.body.is_empty() {
                break;
            }
            body = respond(&answer.body);
        }
        self.close();
    }
}

/// The response of a CPE that has two parameters and says yes to everything else.
pub(crate) fn respond(request: &[u8]) -> Vec<u8> {
    let message = match cwmp_proto::read(request, Limits::default()) {
        Ok(message) => message,
        Err(cwmp_proto::ReadError::UnknownMethod { id, .. }) => {
            let id = id.unwrap_or_default();
            let fault = Fault::new(FaultCode::MethodNotSupported, "no such method");
            return cwmp_proto::write_fault(Context { namespace: 2, id: &id }, &fault, &[]);
        }
        Err(error) => panic!("{error}"),
    };
    let id = message.header.id.unwrap_or_default();
    let context = Context { namespace: message.namespace, id: &id };
    let Body::Request(request) = message.body else { panic!("no request") };
    match request {
        Request::GetParameterValues { names } if names == ["Device.Nothing"] => {
            let fault = Fault::new(FaultCode::InvalidParameterName, "there is no Device.Nothing");
            cwmp_proto::write_fault(context, &fault, &[])
        }
        Request::GetParameterValues { .. } => {
            let mut values = ParameterValues::begin(context, 2, 100);
            values.push("Device.DeviceInfo.UpTime", ValueType::UnsignedInt, "7");
            values.push("Device.DeviceInfo.Description", ValueType::String, "<a> & \"b\"");
            values.finish()
        }
        Request::GetParameterNames { .. } => {
            let mut names = ParameterNames::begin(context, 1);
            names.push("Device.", false);
            names.finish()
        }
        Request::GetParameterAttributes { .. } => {
            let attributes = [("Device.A".to_owned(), 2, vec!["Subscriber".to_owned()])];
            cwmp_proto::write_attributes(context, &attributes)
        }
        Request::AddObject { .. } => cwmp_proto::write_add_object_response(context, 5, true),
        Request::SetParameterValues { .. } | Request::DeleteObject { .. } => {
            cwmp_proto::write_status_response(context, request.method(), false)
        }
        Request::Download(_) => {
            let answer = TransferAnswer {
                status: 1,
                start_time: "0001-01-01T00:00:00Z".to_owned(),
                complete_time: "0001-01-01T00:00:00Z".to_owned(),
            };
            cwmp_proto::write_response(context, &CpeResponse::Download(answer))
        }
        Request::GetRpcMethods => cwmp_proto::write_methods(context, &["GetRPCMethods", "Reboot"]),
        _ => cwmp_proto::write_empty_response(context, request.method()),
    }
}

/// Runs what must panic, and answers what the panic says.
pub(crate) fn complaint(what: impl FnOnce() + Send + 'static) -> String {
    // In a thread of its own, so that the panic is caught whatever it holds.
    let panic = std::thread::spawn(what).join().expect_err("it does not complain");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap()
}
