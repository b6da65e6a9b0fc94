//! One of every message, filled from given texts and numbers.
#![allow(dead_code)]

use cwmp_model::{Value, ValueType};
use cwmp_proto::{
    AnyQueuedTransfer, AttributeChange, AutonomousResult, AutonomousTransferComplete, CpeRequest,
    CpeResponse, DeploymentFault, DeploymentState, DeviceOption, Download, Event, FileArgument,
    IncomingValue, Inform, Install, Operation, OperationKind, OperationResult, QueuedTransfer, Request,
    Response, ScheduleDownload, TimeWindow, TransferAnswer, TransferComplete, TransferFault, Uninstall,
    Update, Upload, XsiType,
};
use proptest::prelude::*;

/// Where the content of messages comes from; it begins again at its end.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) texts: Vec<String>,
    pub(crate) numbers: Vec<u32>,
    next: usize,
}

impl Source {
    pub(crate) fn new(texts: Vec<String>, numbers: Vec<u32>) -> Self {
        Self { texts, numbers, next: 0 }
    }

    /// Harmless content.
    pub(crate) fn plain() -> Self {
        Self::new(vec!["one".into(), "two".into()], vec![1, 2])
    }

    /// Content that tries to break out: every character that XML allows, long texts, white space.
    pub(crate) fn hostile() -> impl Strategy<Value = Self> {
        let text = "[\\x09\\x0a\\x0d\\x20-\\x7e\u{85}\u{a0}\u{e4}\u{2028}\u{feff}\u{fffd}\u{10ffff}]{0,80}";
        let special = proptest::sample::select(vec![
            "]]>",
            "<![CDATA[",
            "&amp;",
            "&#13;",
            "<!--",
            "</Name>",
            "\r\n",
            " ",
            "\"'",
            "%",
            "xsd:string",
        ]);
        let long = (text, 200usize..1100).prop_map(|(text, n)| text.chars().cycle().take(n).collect());
        let one = prop_oneof![text.prop_map(String::from), special.prop_map(String::from), long];
        (proptest::collection::vec(one, 1..7), proptest::collection::vec(any::<u32>(), 1..7))
            .prop_map(|(texts, numbers)| Self::new(texts, numbers))
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// A text as it is.
    pub(crate) fn text(&mut self, most: usize) -> String {
        let place = self.step() % self.texts.len();
        self.texts[place].chars().take(most).collect()
    }

    /// A text without white space around it.
    pub(crate) fn name(&mut self, most: usize) -> String {
        self.text(most).trim().to_owned()
    }

    pub(crate) fn number(&mut self) -> u32 {
        let place = self.step() % self.numbers.len();
        self.numbers[place]
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.number() % limit
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(crate) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.flag() {
            Some(make(self))
        } else {
            None
        }
    }

    pub(crate) fn list<T>(&mut self, least: u32, most: u32, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| make(self)).collect()
    }

    pub(crate) fn moment(&mut self) -> String {
        cwmp_model::date_time::from_unix_seconds(i64::from(self.number()))
    }

    pub(crate) fn uuid(&mut self) -> String {
        let n = self.number();
        format!("{n:08x}-0000-4000-8000-{n:012X}")
    }

    /// The schema wants a URI here.
    fn uri(&mut self) -> String {
        format!("https://files.example/{}?a=b&c=%20", self.number())
    }

    /// A path that ends in a dot. The schema wants it on one line.
    fn object(&mut self) -> String {
        self.name(250).replace(['\n', '\r'], "_") + "."
    }

    /// One that every namespace's schema has.
    pub(crate) fn file_type(&mut self) -> String {
        let all =
            ["1 Firmware Upgrade Image", "2 Web Content", "3 Vendor Configuration File", "X 00AABB a b"];
        all[self.below(4) as usize].to_owned()
    }

    fn kind(&mut self) -> ValueType {
        ValueType::ALL[self.below(10) as usize]
    }

    fn access_list(&mut self) -> Vec<String> {
        self.list(0, 2, |_| "Subscriber".to_owned())
    }

    fn value(&mut self) -> Value {
        let kind = self.kind();
        let text = if kind == ValueType::String { self.text(2000) } else { kind.zero().to_owned() };
        Value { kind, text }
    }

    fn transfer_fault(&mut self) -> TransferFault {
        let code = [0, 9001, 9002, 9010, 9011, 9012][self.below(6) as usize];
        TransferFault { code, text: self.text(256) }
    }

    fn answer(&mut self) -> TransferAnswer {
        TransferAnswer { status: self.below(2), start_time: self.moment(), complete_time: self.moment() }
    }

    fn state(&mut self) -> DeploymentState {
        use DeploymentState::{Failed, Installed, Uninstalled};
        [Installed, Uninstalled, Failed][self.below(3) as usize]
    }

    fn operation(&mut self) -> OperationKind {
        use OperationKind::{Install, Uninstall, Update};
        [Install, Update, Uninstall][self.below(3) as usize]
    }

    fn deployment_fault(&mut self) -> DeploymentFault {
        let code = [0, 9001, 9003, 9022, 9032, 9850][self.below(6) as usize];
        DeploymentFault { code, text: self.text(2000) }
    }
}

/// Every request of an ACS.
pub(crate) fn requests(s: &mut Source) -> Vec<Request> {
    let operations = vec![
        Operation::Install(Install {
            url: s.uri(),
            uuid: s.maybe(Source::uuid),
            username: s.maybe(|s| s.text(256)),
            password: s.maybe(|s| s.text(256)),
            environment: s.maybe(|s| s.name(256)),
        }),
        Operation::Update(Update {
            uuid: s.maybe(Source::uuid),
            version: s.maybe(|s| s.name(32)),
            url: s.maybe(Source::uri),
            username: s.maybe(|s| s.text(256)),
            password: s.maybe(|s| s.text(256)),
        }),
        Operation::Uninstall(Uninstall {
            uuid: s.uuid(),
            version: s.maybe(|s| s.name(32)),
            environment: s.maybe(|s| s.name(256)),
        }),
    ];
    vec![
        Request::GetRpcMethods,
        Request::SetParameterValues {
            values: s.list(0, 3, |s| {
                let value = s.value();
                IncomingValue {
                    name: s.name(256),
                    xsi_type: if s.flag() { XsiType::Known(value.kind) } else { XsiType::Missing },
                    text: value.text,
                }
            }),
            parameter_key: s.text(32),
        },
        Request::GetParameterValues { names: s.list(1, 3, |s| s.name(256)) },
        Request::GetParameterNames { path: s.name(256), next_level: s.flag() },
        Request::SetParameterAttributes {
            changes: s.list(1, 3, |s| AttributeChange {
                name: s.name(256),
                notification: s.maybe(|s| s.below(3)),
                access_list: s.maybe(Source::access_list),
            }),
        },
        Request::GetParameterAttributes { names: s.list(1, 3, |s| s.name(256)) },
        Request::AddObject { object: s.object(), parameter_key: s.text(32) },
        Request::DeleteObject { object: s.object(), parameter_key: s.text(32) },
        Request::Reboot { command_key: s.text(32) },
        Request::FactoryReset,
        Request::Download(Download {
            command_key: s.text(32),
            file_type: s.file_type(),
            url: s.name(256),
            username: s.text(256),
            password: s.text(256),
            file_size: s.number(),
            target_file_name: s.text(256),
            delay: s.number(),
            success_url: s.name(256),
            failure_url: s.name(256),
        }),
        Request::Upload(Upload {
            command_key: s.text(32),
            file_type: if s.flag() { "1 Vendor Configuration File" } else { "X 00AABB a b" }.into(),
            url: s.name(256),
            username: s.text(256),
            password: s.text(256),
            delay: s.number(),
        }),
        Request::ScheduleDownload(ScheduleDownload {
            command_key: s.text(32),
            file_type: s.file_type(),
            url: s.name(256),
            username: s.text(256),
            password: s.text(256),
            file_size: s.number(),
            target_file_name: s.text(256),
            windows: s.list(1, 2, |s| TimeWindow {
                start: s.number(),
                end: s.number(),
                mode: "3 When Idle".into(),
                user_message: s.text(256),
                max_retries: i32::from_ne_bytes(s.number().to_ne_bytes()),
            }),
        }),
        Request::ScheduleInform { delay: s.number(), command_key: s.text(32) },
        Request::CancelTransfer { command_key: s.text(32) },
        Request::GetQueuedTransfers,
        Request::GetAllQueuedTransfers,
        Request::ChangeDuState { operations, command_key: s.text(32) },
        Request::SetVouchers { vouchers: vec!["AAEC".into(), String::new(), "QQ==".into()] },
        Request::GetOptions { name: s.name(64) },
    ]
}

/// Every response of an ACS, but for the InformResponse.
pub(crate) fn responses(s: &mut Source) -> Vec<Response> {
    vec![
        Response::GetRpcMethods { methods: s.list(1, 3, |s| s.name(64)) },
        Response::TransferComplete,
        Response::AutonomousTransferComplete,
        Response::DuStateChangeComplete,
        Response::AutonomousDuStateChangeComplete,
        Response::RequestDownload,
        Response::Kicked { next_url: s.name(1024) },
    ]
}

/// Every request of a device, but for the Inform.
pub(crate) fn cpe_requests(s: &mut Source) -> Vec<CpeRequest> {
    let result = OperationResult {
        uuid: s.uuid(),
        unit: s.name(2000),
        version: s.name(32),
        state: s.state(),
        resolved: s.flag(),
        execution_units: s.name(2000),
        start_time: s.moment(),
        complete_time: s.moment(),
        fault: s.deployment_fault(),
    };
    let autonomous = AutonomousResult {
        uuid: s.uuid(),
        unit: s.name(2000),
        version: s.name(32),
        state: s.state(),
        resolved: s.flag(),
        execution_units: s.name(2000),
        start_time: s.moment(),
        complete_time: s.moment(),
        fault: s.deployment_fault(),
        operation: s.operation(),
    };
    vec![
        CpeRequest::GetRpcMethods,
        CpeRequest::TransferComplete(TransferComplete {
            command_key: s.text(32),
            fault: s.transfer_fault(),
            start_time: s.moment(),
            complete_time: s.moment(),
        }),
        CpeRequest::AutonomousTransferComplete(AutonomousTransferComplete {
            announce_url: s.name(1024),
            transfer_url: s.name(1024),
            is_download: s.flag(),
            file_type: s.file_type(),
            file_size: s.number(),
            target_file_name: s.text(256),
            fault: s.transfer_fault(),
            start_time: s.moment(),
            complete_time: s.moment(),
        }),
        CpeRequest::DuStateChangeComplete { results: vec![result.clone(), result], command_key: s.text(32) },
        CpeRequest::AutonomousDuStateChangeComplete { results: vec![autonomous] },
        CpeRequest::RequestDownload {
            file_type: s.file_type(),
            arguments: s.list(0, 3, |s| FileArgument { name: s.name(64), value: s.text(256) }),
        },
        CpeRequest::Kicked {
            command: s.text(32),
            referer: s.text(64),
            argument: s.text(256),
            next: s.name(1024),
        },
    ]
}

/// Every response of a device.
pub(crate) fn cpe_responses(s: &mut Source) -> Vec<CpeResponse> {
    vec![
        CpeResponse::GetRpcMethods { methods: s.list(1, 3, |s| s.name(64)) },
        CpeResponse::SetParameterValues { status: s.below(2) },
        CpeResponse::GetParameterValues { values: s.list(0, 3, |s| (s.name(256), s.value())) },
        CpeResponse::GetParameterNames { names: s.list(0, 3, |s| (s.name(256), s.flag())) },
        CpeResponse::SetParameterAttributes,
        CpeResponse::GetParameterAttributes {
            attributes: s.list(0, 3, |s| (s.name(256), s.below(3), s.access_list())),
        },
        CpeResponse::AddObject { number: s.number().max(1), status: s.below(2) },
        CpeResponse::DeleteObject { status: s.below(2) },
        CpeResponse::Reboot,
        CpeResponse::FactoryReset,
        CpeResponse::Download(s.answer()),
        CpeResponse::Upload(s.answer()),
        CpeResponse::ScheduleDownload,
        CpeResponse::ScheduleInform,
        CpeResponse::CancelTransfer,
        CpeResponse::GetQueuedTransfers {
            transfers: s.list(0, 3, |s| QueuedTransfer { command_key: s.text(32), state: 1 + s.below(3) }),
        },
        CpeResponse::GetAllQueuedTransfers {
            transfers: s.list(0, 3, |s| AnyQueuedTransfer {
                command_key: s.text(32),
                state: 1 + s.below(3),
                is_download: s.flag(),
                file_type: s.file_type(),
                file_size: s.number(),
                target_file_name: s.text(256),
            }),
        },
        CpeResponse::ChangeDuState,
        CpeResponse::SetVouchers,
        CpeResponse::GetOptions {
            options: s.list(0, 3, |s| DeviceOption {
                name: s.name(64),
                voucher: s.number(),
                state: s.below(4),
                mode: s.below(3),
                start: s.moment(),
                expiration: s.maybe(Source::moment),
                is_transferable: s.below(2),
            }),
        },
    ]
}

/// An Inform.
pub(crate) fn inform(s: &mut Source) -> Inform {
    Inform {
        manufacturer: s.text(64),
        oui: "00AABB".into(),
        product_class: s.text(64),
        serial_number: s.text(64),
        events: s.list(0, 3, |s| Event { code: "4 VALUE CHANGE".into(), command_key: s.text(32) }),
        current_time: s.moment(),
        retry_count: s.number(),
        parameters: s.list(0, 3, |s| (s.name(256), s.value())),
    }
}
