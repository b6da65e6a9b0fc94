//! What an ACS asks of us, and how it answers our requests.

use crate::codec::{Array, Flag, Many, Name, Number, OrEmpty, Strings, Text, Vouchers, KEY, NAME};
use crate::deployment::Operation;
use crate::message::{AttributeChange, IncomingValue};
use crate::table::messages;
use crate::transfer::{Download, ScheduleDownload, Upload};

messages! {
    /// A request of the ACS, with arguments within the lengths of the standard.
    pub enum Request, suffix "" {
        /// GetRPCMethods.
        GetRpcMethods = "GetRPCMethods", since 0;
        /// SetParameterValues.
        SetParameterValues = "SetParameterValues", since 0 {
            /// The values, in the order of the message.
            values: Vec<IncomingValue> = "ParameterList" Array<IncomingValue>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// GetParameterValues.
        GetParameterValues = "GetParameterValues", since 0 {
            /// Names and partial paths.
            names: Vec<String> = "ParameterNames" Strings<NAME>,
        };
        /// GetParameterNames.
        GetParameterNames = "GetParameterNames", since 0 {
            /// A name, a partial path or nothing.
            path: String = "ParameterPath" Name<NAME>,
            /// Only the children.
            next_level: bool = "NextLevel" Flag,
        };
        /// SetParameterAttributes.
        SetParameterAttributes = "SetParameterAttributes", since 0 {
            /// The changes, in the order of the message.
            changes: Vec<AttributeChange> = "ParameterList" Array<AttributeChange>,
        };
        /// GetParameterAttributes.
        GetParameterAttributes = "GetParameterAttributes", since 0 {
            /// Names and partial paths.
            names: Vec<String> = "ParameterNames" Strings<NAME>,
        };
        /// AddObject.
        AddObject = "AddObject", since 0 {
            /// The table.
            object: String = "ObjectName" Name<NAME>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// DeleteObject.
        DeleteObject = "DeleteObject", since 0 {
            /// The row.
            object: String = "ObjectName" Name<NAME>,
            /// ParameterKey.
            parameter_key: String = "ParameterKey" Text<KEY>,
        };
        /// Reboot.
        Reboot = "Reboot", since 0 {
            /// CommandKey.
            command_key: String = "CommandKey" Text<KEY>,
        };
        /// FactoryReset.
        FactoryReset = "FactoryReset", since 0;
        /// Download.
        Download = "Download", since 0 (download: Download);
        /// Upload.
        Upload = "Upload", since 0 (upload: Upload);
        /// ScheduleDownload.
        ScheduleDownload = "ScheduleDownload", since 2 (download: ScheduleDownload);
        /// ScheduleInform.
        ScheduleInform = "ScheduleInform", since 0 {
            /// Seconds from now; 0 is refused.
            delay: u32 = "DelaySeconds" Number,
            /// CommandKey.
            command_key: String = "CommandKey" Text<KEY>,
        };
        /// CancelTransfer.
        CancelTransfer = "CancelTransfer", since 2 {
            /// CommandKey.
            command_key: String = "CommandKey" Text<KEY>,
        };
        /// GetQueuedTransfers, deprecated.
        GetQueuedTransfers = "GetQueuedTransfers", since 0;
        /// GetAllQueuedTransfers.
        GetAllQueuedTransfers = "GetAllQueuedTransfers", since 1;
        /// ChangeDUState.
        ChangeDuState = "ChangeDUState", since 2 {
            /// What to do, one after the other.
            operations: Vec<Operation> = "Operations" Many<Operation>,
            /// CommandKey; it may be missing, and is then empty.
            command_key: String = "CommandKey" OrEmpty<KEY>,
        };
        /// SetVouchers, deprecated.
        SetVouchers = "SetVouchers", since 0 {
            /// The vouchers, as base64.
            vouchers: Vec<String> = "VoucherList" Vouchers,
        };
        /// GetOptions, deprecated.
        GetOptions = "GetOptions", since 0 {
            /// One option, or all if it is empty.
            name: String = "OptionName" Name<64>,
        };
    }
}

messages! {
    /// A response to one of our requests.
    pub enum Response, suffix "Response" {
        /// InformResponse.
        Inform = "Inform", since 0;
        /// GetRPCMethodsResponse.
        GetRpcMethods = "GetRPCMethods", since 0 {
            /// What the ACS supports.
            methods: Vec<String> = "MethodList" Strings<64>,
        };
        /// TransferCompleteResponse.
        TransferComplete = "TransferComplete", since 0;
        /// AutonomousTransferCompleteResponse.
        AutonomousTransferComplete = "AutonomousTransferComplete", since 1;
        /// DUStateChangeCompleteResponse.
        DuStateChangeComplete = "DUStateChangeComplete", since 2;
        /// AutonomousDUStateChangeCompleteResponse.
        AutonomousDuStateChangeComplete = "AutonomousDUStateChangeComplete", since 2;
        /// RequestDownloadResponse.
        RequestDownload = "RequestDownload", since 0;
        /// KickedResponse, deprecated.
        Kicked = "Kicked", since 0 {
            /// Where the browser goes next.
            next_url: String = "NextURL" Name<1024>,
        };
    }
}
